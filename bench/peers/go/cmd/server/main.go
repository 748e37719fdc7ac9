// Command server serves UserService with grpc-go, over Redis by rueidis: server redis://…
//
// It prints its port as its first line, and ends when its input does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"rollcall.example/bench/peers/go/users"
	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: server redis://HOST:PORT")
	}
	if err := serve(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func serve(redis string) error {
	store, err := users.Open(redis)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	rollcallv1.RegisterUserServiceServer(server, &service{store: store})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return server.Serve(listener)
}

type service struct {
	rollcallv1.UnimplementedUserServiceServer
	store *users.Store
}

func (s *service) Identify(
	ctx context.Context,
	request *rollcallv1.IdentifyRequest,
) (*rollcallv1.IdentifyResponse, error) {
	identified, err := s.store.Identify(ctx, changeOf(request))
	if err != nil {
		return nil, statusOf(err)
	}
	outcome := rollcallv1.Outcome(identified.Outcome)
	return &rollcallv1.IdentifyResponse{User: messageOf(identified.User), Outcome: outcome}, nil
}

func (s *service) GetUser(
	ctx context.Context,
	request *rollcallv1.GetUserRequest,
) (*rollcallv1.GetUserResponse, error) {
	user, err := s.store.Get(ctx, request.GetId())
	if err != nil {
		return nil, statusOf(err)
	}
	return &rollcallv1.GetUserResponse{User: messageOf(user)}, nil
}

func (s *service) BatchIdentify(
	stream grpc.BidiStreamingServer[rollcallv1.BatchIdentifyRequest, rollcallv1.BatchIdentifyResponse],
) error {
	for sequence := int32(0); ; sequence++ {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		changes := make([]users.Change, len(request.GetRequests()))
		for i, item := range request.GetRequests() {
			changes[i] = changeOf(item)
		}
		all, err := s.store.IdentifyAll(stream.Context(), changes)
		if err != nil {
			return statusOf(err)
		}
		answer := &rollcallv1.BatchIdentifyResponse{Sequence: sequence}
		for _, identified := range all {
			switch rollcallv1.Outcome(identified.Outcome) {
			case rollcallv1.Outcome_OUTCOME_CREATED:
				answer.Created++
			case rollcallv1.Outcome_OUTCOME_UPDATED:
				answer.Updated++
			case rollcallv1.Outcome_OUTCOME_UNCHANGED:
				answer.Unchanged++
			}
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

func changeOf(request *rollcallv1.IdentifyRequest) users.Change {
	return users.Change{ID: request.GetId(), Properties: request.GetProperties()}
}

func messageOf(user users.User) *rollcallv1.User {
	return &rollcallv1.User{
		Id:          user.ID,
		Properties:  user.Properties,
		Preferences: &structpb.Struct{},
		CreatedAt:   timestamppb.New(time.UnixMicro(user.CreatedAt)),
		UpdatedAt:   timestamppb.New(time.UnixMicro(user.UpdatedAt)),
	}
}

func statusOf(err error) error {
	if errors.Is(err, users.ErrNotFound) {
		return status.Error(codes.NotFound, err.Error())
	}
	return status.Error(codes.Unavailable, err.Error())
}
