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
	// maxFailures is how often in a row an import may find no server, without an answer in between.
	maxFailures = 10
)

// Import sends messages through BatchIdentify, and gives answered each one's answer, in order. Where the server, its store or
// the connection is away, it waits and sends again every message from the first unanswered one on: items that were stored
// already count as unchanged then.
//
// It returns how many messages were answered: all, or those before what it failed with.
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

// importOnce sends the messages through one stream, and returns how many were answered.
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
	// Sent beside the answers, which flow control holds back where nobody reads them. A failed Send says only that the stream
	// has ended: Recv says why.
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
