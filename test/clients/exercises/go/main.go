// Command exercise calls a server with grpc-go or connect-go, and prints a line of JSON for each step:
//
//	exercise grpc|connect http://127.0.0.1:50051 [authorities.pem]
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

const (
	stepTimeout = 30 * time.Second
	atOnce      = 100
	messages    = 30
	perMessage  = 100
)

// client is what both libraries can do.
type client interface {
	identify(context.Context, *rollcallv1.IdentifyRequest) (*rollcallv1.IdentifyResponse, error)
	get(ctx context.Context, id string) (*rollcallv1.User, error)
	find(context.Context, *rollcallv1.FindUsersRequest) (*rollcallv1.FindUsersResponse, error)
	count(context.Context, *rollcallv1.CountUsersRequest) (*rollcallv1.CountUsersResponse, error)
	scan(context.Context, *rollcallv1.ScanUsersRequest) (*rollcallv1.ScanUsersResponse, error)
	// batch sends all requests while it reads the answers.
	batch(context.Context, []*rollcallv1.BatchIdentifyRequest) ([]*rollcallv1.BatchIdentifyResponse, error)
	// reason of an error, from its ErrorInfo.
	reason(error) string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: exercise grpc|connect URL [AUTHORITIES]")
	}
	users, err := open(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range []struct {
		name string
		run  func(context.Context, client) error
	}{
		{"identify", identify}, {"get", get}, {"search", search}, {"error", fail}, {"refusals", beRefused},
		{"large", large}, {"batch", batch}, {"crowd", crowd},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
		report(step.name, step.run(ctx, users))
		cancel()
	}
}

func open(library, server string, authorities []string) (client, error) {
	at, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	var trusted *tls.Config
	if len(authorities) > 0 {
		pem, err := os.ReadFile(authorities[0])
		if err != nil {
			return nil, err
		}
		trusted = &tls.Config{RootCAs: x509.NewCertPool()}
		trusted.RootCAs.AppendCertsFromPEM(pem)
	}
	if library == "connect" {
		return openConnect(server, trusted), nil
	}
	return openGrpc(at.Host, trusted)
}

func report(step string, err error) {
	line := map[string]any{"step": step, "ok": err == nil}
	if err != nil {
		line["why"] = err.Error()
	}
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func person(id string, properties map[string]any) *rollcallv1.IdentifyRequest {
	properties["name"], properties["email"] = "Ada", "ada@example.com"
	fields, err := structpb.NewStruct(properties)
	if err != nil {
		log.Fatal(err)
	}
	return &rollcallv1.IdentifyRequest{Id: id, Properties: fields}
}

func identify(ctx context.Context, users client) error {
	answer, err := users.identify(ctx, person("u", map[string]any{}))
	if err == nil && answer.Outcome != rollcallv1.Outcome_OUTCOME_CREATED {
		return fmt.Errorf("the outcome is %s", answer.Outcome)
	}
	return err
}

func get(ctx context.Context, users client) error {
	user, err := users.get(ctx, "u")
	if err == nil && user.Properties.Fields["name"].GetStringValue() != "Ada" {
		return fmt.Errorf("the name is %s", user.Properties.Fields["name"])
	}
	return err
}

func equals(property, text string) *rollcallv1.Match {
	condition := &rollcallv1.Match_Equals{Equals: structpb.NewStringValue(text)}
	return &rollcallv1.Match{Property: property, Condition: condition}
}

// search finds the one user, counts it and scans for it.
func search(ctx context.Context, users client) error {
	match := equals("email", "ADA@EXAMPLE.COM")
	found, err := users.find(ctx, &rollcallv1.FindUsersRequest{Match: match})
	if err != nil {
		return err
	}
	counted, err := users.count(ctx, &rollcallv1.CountUsersRequest{Match: match})
	if err != nil {
		return err
	}
	where := &rollcallv1.UserFilter{Properties: person("", map[string]any{}).Properties}
	scanned, err := users.scan(ctx, &rollcallv1.ScanUsersRequest{Where: where})
	if err != nil {
		return err
	}
	for _, list := range [][]*rollcallv1.User{found.Users, scanned.Users} {
		if len(list) != 1 || list[0].Id != "u" {
			return fmt.Errorf("found %v", list)
		}
	}
	if counted.Count != 1 {
		return fmt.Errorf("counted %d", counted.Count)
	}
	return nil
}

func fail(ctx context.Context, users client) error {
	_, err := users.get(ctx, "nobody")
	return expectReason(users, err, "USER_NOT_FOUND")
}

func beRefused(ctx context.Context, users client) error {
	_, notIndexed := users.find(ctx, &rollcallv1.FindUsersRequest{Match: equals("phone", "555 0100")})
	_, tooLong := users.count(ctx, &rollcallv1.CountUsersRequest{Match: equals("email", strings.Repeat("x", 257))})
	return errors.Join(
		expectReason(users, notIndexed, "PROPERTY_NOT_INDEXED"),
		expectReason(users, tooLong, "INVALID_MATCH"),
	)
}

func expectReason(users client, err error, expected string) error {
	if err == nil {
		return errors.New("the call succeeded")
	}
	if reason := users.reason(err); reason != expected {
		return fmt.Errorf("the reason is %q: %w", reason, err)
	}
	return nil
}

// large reads an answer of 240,000 bytes.
func large(ctx context.Context, users client) error {
	properties := map[string]any{}
	for _, name := range []string{"a", "b", "c", "d"} {
		properties[name] = strings.Repeat(name, 60_000)
	}
	if _, err := users.identify(ctx, person("large", properties)); err != nil {
		return err
	}
	user, err := users.get(ctx, "large")
	if err != nil {
		return err
	}
	for name, value := range properties {
		if user.Properties.Fields[name].GetStringValue() != value {
			return fmt.Errorf("%s is another", name)
		}
	}
	return nil
}

func batch(ctx context.Context, users client) error {
	requests := make([]*rollcallv1.BatchIdentifyRequest, messages)
	for at := range requests {
		requests[at] = &rollcallv1.BatchIdentifyRequest{}
		for item := range perMessage {
			one := person(fmt.Sprintf("batch-%d-%d", at, item), map[string]any{})
			requests[at].Requests = append(requests[at].Requests, one)
		}
	}
	answers, err := users.batch(ctx, requests)
	if err != nil {
		return err
	}
	var created int32
	for _, answer := range answers {
		created += answer.Created
	}
	if len(answers) != messages || created != messages*perMessage {
		return fmt.Errorf("%d answers say that %d users were created", len(answers), created)
	}
	return nil
}

func crowd(ctx context.Context, users client) error {
	failures := make([]error, atOnce)
	var all sync.WaitGroup
	for at := range failures {
		all.Go(func() { failures[at] = get(ctx, users) })
	}
	all.Wait()
	return errors.Join(failures...)
}
