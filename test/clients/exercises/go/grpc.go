package main

import (
	"context"
	"crypto/tls"
	"io"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

type grpcClient struct{ users rollcallv1.UserServiceClient }

func openGrpc(host string, trusted *tls.Config) (client, error) {
	transport := insecure.NewCredentials()
	if trusted != nil {
		transport = credentials.NewTLS(trusted)
	}
	connection, err := grpc.NewClient(host, grpc.WithTransportCredentials(transport))
	return grpcClient{rollcallv1.NewUserServiceClient(connection)}, err
}

func (c grpcClient) identify(
	ctx context.Context, request *rollcallv1.IdentifyRequest,
) (*rollcallv1.IdentifyResponse, error) {
	return c.users.Identify(ctx, request)
}

func (c grpcClient) get(ctx context.Context, id string) (*rollcallv1.User, error) {
	answer, err := c.users.GetUser(ctx, &rollcallv1.GetUserRequest{Id: id})
	return answer.GetUser(), err
}

func (c grpcClient) find(
	ctx context.Context, request *rollcallv1.FindUsersRequest,
) (*rollcallv1.FindUsersResponse, error) {
	return c.users.FindUsers(ctx, request)
}

func (c grpcClient) count(
	ctx context.Context, request *rollcallv1.CountUsersRequest,
) (*rollcallv1.CountUsersResponse, error) {
	return c.users.CountUsers(ctx, request)
}

func (c grpcClient) scan(
	ctx context.Context, request *rollcallv1.ScanUsersRequest,
) (*rollcallv1.ScanUsersResponse, error) {
	return c.users.ScanUsers(ctx, request)
}

func (c grpcClient) batch(
	ctx context.Context, requests []*rollcallv1.BatchIdentifyRequest,
) (answers []*rollcallv1.BatchIdentifyResponse, err error) {
	stream, err := c.users.BatchIdentify(ctx)
	if err != nil {
		return nil, err
	}
	go func() {
		for _, request := range requests {
			if stream.Send(request) != nil {
				return // Recv has the error.
			}
		}
		_ = stream.CloseSend()
	}()
	for {
		answer, err := stream.Recv()
		if err == io.EOF {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
}

func (grpcClient) reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, is := detail.(*errdetails.ErrorInfo); is {
			return info.Reason
		}
	}
	return ""
}
