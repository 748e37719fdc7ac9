package main

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"rollcall.example/clients/go/rollcall"
	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

const (
	usersToImport   = 1_200
	usersInAMessage = 500
)

// importUsers imports users in messages of some hundreds. One user fails, and the server stores the others.
func importUsers(ctx context.Context, users rollcallv1.UserServiceClient) error {
	requests, err := requestsToImport()
	if err != nil {
		return err
	}
	var messages []*rollcallv1.BatchIdentifyRequest
	for chunk := range slices.Chunk(requests, usersInAMessage) {
		messages = append(messages, &rollcallv1.BatchIdentifyRequest{Requests: chunk})
	}

	message := 0
	_, err = rollcall.Import(ctx, users, messages, func(answer *rollcallv1.BatchIdentifyResponse) {
		// A caller without the scope users.read learns only the number of applied items.
		fmt.Printf("imported: %d created, %d updated, %d unchanged, %d applied, %d failed\n",
			answer.GetCreated(), answer.GetUpdated(), answer.GetUnchanged(), answer.GetApplied(), answer.GetFailed())
		for _, result := range answer.GetResults() {
			refusal := result.GetError()
			fmt.Printf("  row %d: %s\n", message*usersInAMessage+int(result.GetIndex())+1, refusal.GetReason())
			for _, violation := range refusal.GetViolations() {
				fmt.Printf("    %s: %s\n", violation.GetField(), violation.GetDescription())
			}
		}
		message++
	})
	if err != nil {
		return rollcall.ErrorOf(err)
	}
	return nil
}

func requestsToImport() ([]*rollcallv1.IdentifyRequest, error) {
	requests := make([]*rollcallv1.IdentifyRequest, 0, usersToImport)
	for row := 1; row <= usersToImport; row++ {
		user := map[string]any{"name": fmt.Sprintf("User %d", row), "email": fmt.Sprintf("user.%d@example.com", row)}
		if row == 7 {
			delete(user, "email")
		}
		properties, err := structpb.NewStruct(user)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", row, err)
		}
		requests = append(requests, &rollcallv1.IdentifyRequest{Id: fmt.Sprintf("row-%d", row), Properties: properties})
	}
	return requests, nil
}
