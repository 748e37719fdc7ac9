package main

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"rollcall.example/clients/go/rollcall"
	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

// findByEmail prints the users with an e-mail address. Until there is an index of it, the server has to read all users.
func findByEmail(ctx context.Context, users rollcallv1.UserServiceClient) error {
	email := structpb.NewStringValue("ada@example.com")
	match := &rollcallv1.Match{Property: "email", Condition: &rollcallv1.Match_Equals{Equals: email}}
	for token, isLast := "", false; !isLast; isLast = token == "" {
		page, err := users.FindUsers(ctx, &rollcallv1.FindUsersRequest{Match: match, PageToken: token})
		if refusal := rollcall.ErrorOf(err); refusal != nil {
			if refusal.Reason == "PROPERTY_NOT_INDEXED" || refusal.Reason == "INDEX_NOT_READY" {
				return scanForEmail(ctx, users, email)
			}
			return refusal
		}
		for _, user := range page.GetUsers() {
			fmt.Println("found:", user.GetId())
		}
		token = page.GetNextPageToken()
	}
	return nil
}

// scanForEmail prints the same users, page by page. A page may have none, and not be the last.
func scanForEmail(ctx context.Context, users rollcallv1.UserServiceClient, email *structpb.Value) error {
	where := &rollcallv1.UserFilter{
		Properties: &structpb.Struct{Fields: map[string]*structpb.Value{"email": email}},
	}
	for token, isLast := "", false; !isLast; isLast = token == "" {
		page, err := users.ScanUsers(ctx, &rollcallv1.ScanUsersRequest{Where: where, PageToken: token})
		if err != nil {
			return rollcall.ErrorOf(err)
		}
		for _, user := range page.GetUsers() {
			fmt.Println("found by a scan:", user.GetId())
		}
		token = page.GetNextPageToken()
	}
	return nil
}
