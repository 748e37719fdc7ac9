package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

// method is one of the contract's methods, called with JSON.
type method struct {
	streams bool
	// call returns the answers and the error of the call; err says why there was no call.
	call func(ctx context.Context, users rollcallv1.UserServiceClient, requests []any) (answers []any, failure, err error)
}

var methods = map[string]method{
	"Identify":       unary(rollcallv1.UserServiceClient.Identify),
	"GetUser":        unary(rollcallv1.UserServiceClient.GetUser),
	"BatchIdentify":  {streams: true, call: batchIdentify},
	"IdentifyUsers":  unary(rollcallv1.UserServiceClient.IdentifyUsers),
	"BatchGetUsers":  unary(rollcallv1.UserServiceClient.BatchGetUsers),
	"ListUsers":      unary(rollcallv1.UserServiceClient.ListUsers),
	"FindUsers":      unary(rollcallv1.UserServiceClient.FindUsers),
	"CountUsers":     unary(rollcallv1.UserServiceClient.CountUsers),
	"ScanUsers":      unary(rollcallv1.UserServiceClient.ScanUsers),
	"SetPreferences": unary(rollcallv1.UserServiceClient.SetPreferences),
	"DeleteUser":     unary(rollcallv1.UserServiceClient.DeleteUser),
	"GetRegistry":    unary(rollcallv1.UserServiceClient.GetRegistry),
}

func unary[Message any, Request interface {
	*Message
	proto.Message
}, Response proto.Message](
	stub func(rollcallv1.UserServiceClient, context.Context, Request, ...grpc.CallOption) (Response, error),
) method {
	return method{call: func(ctx context.Context, users rollcallv1.UserServiceClient, requests []any) ([]any, error, error) {
		request := Request(new(Message))
		if err := fromJSON(requests[0], request); err != nil {
			return nil, nil, err
		}
		response, failure := stub(users, ctx, request)
		if failure != nil {
			return nil, failure, nil
		}
		answer, err := toJSON(response)
		return []any{answer}, nil, err
	}}
}

func batchIdentify(ctx context.Context, users rollcallv1.UserServiceClient, requests []any) ([]any, error, error) {
	messages := make([]*rollcallv1.BatchIdentifyRequest, len(requests))
	for position, request := range requests {
		messages[position] = new(rollcallv1.BatchIdentifyRequest)
		if err := fromJSON(request, messages[position]); err != nil {
			return nil, nil, err
		}
	}
	stream, failure := users.BatchIdentify(ctx)
	if failure != nil {
		return nil, failure, nil
	}
	go func() {
		for _, message := range messages {
			if stream.Send(message) != nil {
				return
			}
		}
		_ = stream.CloseSend()
	}()
	answers := []any{}
	for {
		response, failure := stream.Recv()
		if errors.Is(failure, io.EOF) {
			return answers, nil, nil
		}
		if failure != nil {
			return answers, failure, nil
		}
		answer, err := toJSON(response)
		if err != nil {
			return nil, nil, err
		}
		answers = append(answers, answer)
	}
}

func fromJSON(value any, message proto.Message) error {
	if value == nil {
		value = map[string]any{}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal(text, message); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	return nil
}

func toJSON(message proto.Message) (any, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return nil, err
	}
	var value any
	err = json.Unmarshal(text, &value)
	return value, err
}
