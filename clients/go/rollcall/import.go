package rollcall

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
	// maxFailures is the limit of failures in a row, without an answer in between.
	maxFailures = 10
)

// Import sends messages through BatchIdentify, and passes each answer to answered, in order. If the server, its store or the
// connection fails, it waits and repeats every message from the first unanswered one. Items that were already stored then count
// as unchanged.
//
// It returns the number of answered messages: all, or the ones before the error.
func Import(
	ctx context.Context,
	users rollcallv1.UserServiceClient,
	messages []*rollcallv1.BatchIdentifyRequest,
	answered func(*rollcallv1.BatchIdentifyResponse),
) (int, error) {
	done, failures, pause := 0, 0, firstPause
	for {
		count, err := importOnce(ctx, users, messages[done:], answered)
		done += count
		if count > 0 {
			failures, pause = 0, firstPause
		}
		failures++
		if status.Code(err) != codes.Unavailable || failures == maxFailures {
			return done, err
		}
		select {
		case <-ctx.Done():
			return done, ctx.Err()
		case <-time.After(max(pause, ErrorOf(err).RetryAfter)):
		}
		pause = min(2*pause, lastPause)
	}
}

// importOnce sends the messages through one stream, and returns the number of answered ones.
func importOnce(
	ctx context.Context,
	users rollcallv1.UserServiceClient,
	messages []*rollcallv1.BatchIdentifyRequest,
	answered func(*rollcallv1.BatchIdentifyResponse),
) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := users.BatchIdentify(ctx)
	if err != nil {
		return 0, err
	}
	// Send while receiving: flow control stops the stream if nobody reads the answers. A failed Send says only that the
	// stream has ended; Recv returns the reason.
	go func() {
		for _, message := range messages {
			if stream.Send(message) != nil {
				return
			}
		}
		_ = stream.CloseSend()
	}()
	for count := 0; ; count++ {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, err
		}
		answered(answer)
	}
}
