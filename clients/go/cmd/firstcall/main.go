// Command firstcall identifies a user and reads it back from a running server: go run ./cmd/firstcall
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

func main() {
	server := cmp.Or(os.Getenv("ROLLCALL_SERVER"), "http://127.0.0.1:50051")
	if err := firstCall(context.Background(), strings.TrimPrefix(server, "http://")); err != nil {
		log.Fatal(err)
	}
}

func firstCall(ctx context.Context, address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	users := rollcallv1.NewUserServiceClient(connection)

	ada := &structpb.Struct{Fields: map[string]*structpb.Value{
		"name":  structpb.NewStringValue("Ada"),
		"email": structpb.NewStringValue("ada@example.com"),
	}}
	if _, err := users.Identify(ctx, &rollcallv1.IdentifyRequest{Id: "u1", Properties: ada}); err != nil {
		return err
	}
	answer, err := users.GetUser(ctx, &rollcallv1.GetUserRequest{Id: "u1"})
	if err != nil {
		return err
	}
	fmt.Println(answer.User.Properties.AsMap())
	return nil
}
