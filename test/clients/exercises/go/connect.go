package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
	"rollcall.example/gen/go/rollcall/v1/rollcallv1connect"
)

type connectClient struct {
	users rollcallv1connect.UserServiceClient
}

// openConnect speaks Connect over the HTTP/2 of Go's standard library.
func openConnect(server string, trusted *tls.Config) client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(trusted == nil)
	protocols.SetHTTP2(trusted != nil)
	transport := &http.Transport{Protocols: &protocols, TLSClientConfig: trusted}
	return connectClient{rollcallv1connect.NewUserServiceClient(&http.Client{Transport: transport}, server)}
}

// call makes a unary call.
func call[Request, Response any](
	ctx context.Context,
	method func(context.Context, *connect.Request[Request]) (*connect.Response[Response], error),
	request *Request,
) (*Response, error) {
	answer, err := method(ctx, connect.NewRequest(request))
	if err != nil {
		return nil, err
	}
	return answer.Msg, nil
}

func (c connectClient) identify(
	ctx context.Context, request *rollcallv1.IdentifyRequest,
) (*rollcallv1.IdentifyResponse, error) {
	return call(ctx, c.users.Identify, request)
}

func (c connectClient) find(
	ctx context.Context, request *rollcallv1.FindUsersRequest,
) (*rollcallv1.FindUsersResponse, error) {
	return call(ctx, c.users.FindUsers, request)
}

func (c connectClient) count(
	ctx context.Context, request *rollcallv1.CountUsersRequest,
) (*rollcallv1.CountUsersResponse, error) {
	return call(ctx, c.users.CountUsers, request)
}

func (c connectClient) scan(
	ctx context.Context, request *rollcallv1.ScanUsersRequest,
) (*rollcallv1.ScanUsersResponse, error) {
	return call(ctx, c.users.ScanUsers, request)
}

func (c connectClient) get(ctx context.Context, id string) (*rollcallv1.User, error) {
	answer, err := call(ctx, c.users.GetUser, &rollcallv1.GetUserRequest{Id: id})
	return answer.GetUser(), err
}

func (c connectClient) batch(
	ctx context.Context, requests []*rollcallv1.BatchIdentifyRequest,
) (answers []*rollcallv1.BatchIdentifyResponse, err error) {
	stream := c.users.BatchIdentify(ctx)
	go func() {
		for _, request := range requests {
			if stream.Send(request) != nil {
				return // Receive has the error.
			}
		}
		_ = stream.CloseRequest()
	}()
	for {
		answer, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return answers, stream.CloseResponse()
		}
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
}

func (connectClient) reason(err error) string {
	var failure *connect.Error
	if !errors.As(err, &failure) {
		return ""
	}
	for _, detail := range failure.Details() {
		if value, err := detail.Value(); err == nil {
			if info, is := value.(*errdetails.ErrorInfo); is {
				return info.Reason
			}
		}
	}
	return ""
}
