// Command example makes the calls that most callers make: it identifies a user and reads it back, handles an error, sets a
// deadline, finds and imports users.
//
//	go run ./cmd/example --server http://127.0.0.1:50051
//
// ROLLCALL_TOKEN is the caller's token, and ROLLCALL_CA a file with the authorities of a server with TLS.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"rollcall.example/clients/go/rollcall"
	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

func main() {
	log.SetFlags(0)
	defaultServer := cmp.Or(os.Getenv("ROLLCALL_SERVER"), "http://127.0.0.1:50051")
	server := flag.String("server", defaultServer, "the server's `URL` (ROLLCALL_SERVER)")
	options := rollcall.OptionsFromEnvironment()
	flag.BoolVar(&options.TokenInClearText, "token-in-clear-text", false, "send the token also to a server without TLS")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *server, options); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, server string, options rollcall.Options) error {
	connection, err := rollcall.Dial(server, options)
	if err != nil {
		return err
	}
	defer connection.Close()
	users := rollcallv1.NewUserServiceClient(connection)

	for _, step := range []func(context.Context, rollcallv1.UserServiceClient) error{
		identifyAndGet, beRefused, setDeadline, findByEmail, importUsers,
	} {
		if err := step(ctx, users); err != nil {
			return err
		}
	}
	return nil
}

func identifyAndGet(ctx context.Context, users rollcallv1.UserServiceClient) error {
	properties, err := structpb.NewStruct(map[string]any{
		"name":    "Ada",
		"email":   "ada@example.com",
		"address": map[string]any{"city": "London"},
	})
	if err != nil {
		return err
	}
	identified, err := users.Identify(ctx, &rollcallv1.IdentifyRequest{Id: "u1", Properties: properties})
	if err != nil {
		return rollcall.ErrorOf(err)
	}
	fmt.Println("identify:", identified.GetOutcome())

	answer, err := users.GetUser(ctx, &rollcallv1.GetUserRequest{Id: "u1"})
	if err != nil {
		return rollcall.ErrorOf(err)
	}
	fmt.Println("get:", answer.GetUser().GetProperties().AsMap())
	return nil
}

// beRefused creates a user without the required e-mail address.
func beRefused(ctx context.Context, users rollcallv1.UserServiceClient) error {
	properties, err := structpb.NewStruct(map[string]any{"name": "Grace"})
	if err != nil {
		return err
	}
	_, err = users.Identify(ctx, &rollcallv1.IdentifyRequest{Id: "u2", Properties: properties})
	refusal := rollcall.ErrorOf(err)
	if refusal == nil {
		return nil
	}
	if refusal.Code != codes.InvalidArgument {
		return refusal
	}
	fmt.Println("refused:", refusal.Reason)
	for _, violation := range refusal.Violations {
		fmt.Printf("  %s: %s: %s\n", violation.Field, violation.Reason, violation.Description)
	}
	return nil
}

// setDeadline limits the wait for an answer. gRPC sends the deadline to the server.
func setDeadline(ctx context.Context, users rollcallv1.UserServiceClient) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	answer, err := users.BatchGetUsers(ctx, &rollcallv1.BatchGetUsersRequest{Ids: []string{"u1", "nobody"}})
	if refusal := rollcall.ErrorOf(err); refusal != nil {
		if refusal.Code == codes.DeadlineExceeded {
			fmt.Println("not within two seconds")
			return nil
		}
		return refusal
	}
	fmt.Printf("%d there, missing: %q\n", len(answer.GetUsers()), answer.GetMissingIds())
	return nil
}
