package rollcall_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"rollcall.example/clients/go/rollcall"
	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

// server gives the answers of a test, over real connections.
type server struct {
	rollcallv1.UnimplementedUserServiceServer
	getUser       func(ctx context.Context) error
	batchIdentify func(rollcallv1.UserService_BatchIdentifyServer) error
}

func (s *server) GetUser(ctx context.Context, _ *rollcallv1.GetUserRequest) (*rollcallv1.GetUserResponse, error) {
	return &rollcallv1.GetUserResponse{}, s.getUser(ctx)
}

func (s *server) BatchIdentify(stream rollcallv1.UserService_BatchIdentifyServer) error {
	return s.batchIdentify(stream)
}

// serve returns the server's URL.
func serve(t *testing.T, service *server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listening := grpc.NewServer()
	rollcallv1.RegisterUserServiceServer(listening, service)
	go func() { _ = listening.Serve(listener) }()
	t.Cleanup(listening.Stop)
	return "http://" + listener.Addr().String()
}

func dial(t *testing.T, url string, options rollcall.Options) rollcallv1.UserServiceClient {
	t.Helper()
	connection, err := rollcall.Dial(url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return rollcallv1.NewUserServiceClient(connection)
}

func failure(t *testing.T, code codes.Code, details ...protoadapt.MessageV1) error {
	t.Helper()
	failed, err := status.New(code, "because").WithDetails(details...)
	if err != nil {
		t.Fatal(err)
	}
	return failed.Err()
}

func TestCallsAreMadeAgainWhereNoServerIsThere(t *testing.T) {
	attempts := 0
	users := dial(t, serve(t, &server{getUser: func(context.Context) error {
		attempts++
		if attempts < 3 {
			return failure(t, codes.Unavailable)
		}
		return nil
	}}), rollcall.Options{})
	if _, err := users.GetUser(t.Context(), &rollcallv1.GetUserRequest{}); err != nil {
		t.Fatal(err)
	}
	if attempts != 3 {
		t.Errorf("%d attempts", attempts)
	}
}

func TestCallsHaveADeadlineWhereTheCallerSetsNone(t *testing.T) {
	users := dial(t, serve(t, &server{getUser: func(ctx context.Context) error {
		deadline, there := ctx.Deadline()
		if !there || time.Until(deadline) > 10*time.Second {
			t.Errorf("the deadline is %v", deadline)
		}
		return nil
	}}), rollcall.Options{})
	if _, err := users.GetUser(t.Context(), &rollcallv1.GetUserRequest{}); err != nil {
		t.Fatal(err)
	}
}

func TestATokenTravelsInClearTextOnlyWhereThatIsAskedFor(t *testing.T) {
	var headers metadata.MD
	url := serve(t, &server{getUser: func(ctx context.Context) error {
		headers, _ = metadata.FromIncomingContext(ctx)
		return nil
	}})
	_, err := rollcall.Dial(url, rollcall.Options{Token: "secret"})
	if err == nil || !strings.Contains(err.Error(), "no TLS") {
		t.Errorf("Dial returned %v", err)
	}
	users := dial(t, url, rollcall.Options{Token: "secret", TokenInClearText: true})
	if _, err := users.GetUser(t.Context(), &rollcallv1.GetUserRequest{}); err != nil {
		t.Fatal(err)
	}
	if sent := headers.Get("authorization"); !slices.Equal(sent, []string{"Bearer secret"}) {
		t.Errorf("sent %q", sent)
	}
}

func TestDialRefusesWhatIsNoURL(t *testing.T) {
	for _, url := range []string{"127.0.0.1:50051", "localhost", "ftp://localhost", "http://"} {
		if _, err := rollcall.Dial(url, rollcall.Options{}); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
}

func TestDetailsOfErrorsAreRead(t *testing.T) {
	users := dial(t, serve(t, &server{getUser: func(context.Context) error {
		return failure(t, codes.InvalidArgument,
			&errdetails.ErrorInfo{Domain: "rollcall.v1", Reason: "INVALID_ID", Metadata: map[string]string{"max": "256"}},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
				{Field: "id", Reason: "INVALID_ID", Description: "is empty"},
			}},
			&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)},
		)
	}}), rollcall.Options{})
	_, err := users.GetUser(t.Context(), &rollcallv1.GetUserRequest{})
	read := rollcall.ErrorOf(err)
	if read.Code != codes.InvalidArgument || read.Reason != "INVALID_ID" || read.Metadata["max"] != "256" {
		t.Errorf("read %+v", read)
	}
	if !slices.Equal(read.Violations, []rollcall.Violation{{Field: "id", Reason: "INVALID_ID", Description: "is empty"}}) {
		t.Errorf("read %+v", read.Violations)
	}
	if read.RetryAfter != time.Second {
		t.Errorf("read %v", read.RetryAfter)
	}
	if status.Code(read) != codes.InvalidArgument {
		t.Error("it does not wrap what the call returned")
	}
	if rollcall.ErrorOf(nil) != nil {
		t.Error("success is an error")
	}
}

func TestAnImportGoesOnFromTheFirstUnansweredMessage(t *testing.T) {
	var received []rollcallv1.BatchReport
	streams := 0
	users := dial(t, serve(t, &server{batchIdentify: func(stream rollcallv1.UserService_BatchIdentifyServer) error {
		streams++
		for sequence := int32(0); ; sequence++ {
			message, err := stream.Recv()
			if err != nil {
				return nil
			}
			received = append(received, message.GetReport())
			if streams == 1 && sequence == 1 {
				return failure(t, codes.Unavailable)
			}
			if err := stream.Send(&rollcallv1.BatchIdentifyResponse{Sequence: sequence}); err != nil {
				return err
			}
		}
	}}), rollcall.Options{})
	// The report tells the messages apart.
	messages := []*rollcallv1.BatchIdentifyRequest{{Report: 0}, {Report: 1}, {Report: 2}}
	answers := 0
	done, err := rollcall.Import(t.Context(), users, messages, func(*rollcallv1.BatchIdentifyResponse) { answers++ })
	if err != nil || done != 3 || answers != 3 {
		t.Errorf("%d are done and %d answered, then: %v", done, answers, err)
	}
	if !slices.Equal(received, []rollcallv1.BatchReport{0, 1, 1, 2}) {
		t.Errorf("received %d", received)
	}
}

func TestAnImportEndsWithWhatIsNoMatterOfTime(t *testing.T) {
	users := dial(t, serve(t, &server{batchIdentify: func(rollcallv1.UserService_BatchIdentifyServer) error {
		return failure(t, codes.PermissionDenied)
	}}), rollcall.Options{})
	messages := []*rollcallv1.BatchIdentifyRequest{{}}
	done, err := rollcall.Import(t.Context(), users, messages, func(*rollcallv1.BatchIdentifyResponse) {})
	if done != 0 || status.Code(err) != codes.PermissionDenied {
		t.Errorf("%d are done, then: %v", done, err)
	}
}
