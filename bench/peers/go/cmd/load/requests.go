package main

import (
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

const maxValue = 100_000_000

// identifyRequest is that of bench/load/requests.ts.
func identifyRequest(user, value int) *rollcallv1.IdentifyRequest {
	company := map[string]*structpb.Value{
		"name": structpb.NewStringValue("Analytical Engines Ltd"),
		"size": structpb.NewNumberValue(120),
	}
	properties := map[string]*structpb.Value{
		"name":        structpb.NewStringValue(fmt.Sprintf("Ada Lovelace %08d", user)),
		"email":       structpb.NewStringValue(fmt.Sprintf("ada.%08d@example.com", user)),
		"plan":        structpb.NewStringValue("enterprise"),
		"country":     structpb.NewStringValue("PT"),
		"company":     structpb.NewStructValue(&structpb.Struct{Fields: company}),
		"login_count": structpb.NewNumberValue(42),
		"newsletter":  structpb.NewBoolValue(true),
		"last_seen":   structpb.NewStringValue(fmt.Sprintf("2026-11-25 %08d", value)),
	}
	return &rollcallv1.IdentifyRequest{Id: idOf(user), Properties: &structpb.Struct{Fields: properties}}
}

func getUserRequest(user int) *rollcallv1.GetUserRequest {
	return &rollcallv1.GetUserRequest{Id: idOf(user)}
}

func idOf(user int) string {
	return fmt.Sprintf("customer-%08d", user)
}
