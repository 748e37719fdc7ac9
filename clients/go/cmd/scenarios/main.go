// Command scenarios makes the calls of a scenario file, and prints whether each answer is the expected one.
// test/scenarios/README.md describes the file and the output.
//
//	go run ./cmd/scenarios SERVER_URL SCENARIO_FILE [RUN]
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"google.golang.org/grpc"

	"rollcall.example/clients/go/rollcall"
	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

// verdict is the output of a step.
type verdict struct {
	Step string `json:"step"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return errors.New("usage: scenarios SERVER_URL SCENARIO_FILE [RUN]")
	}
	steps, err := readScenario(args[1])
	if err != nil {
		return err
	}
	saved := names{"run": rand.Text()}
	if len(args) == 3 {
		saved["run"] = args[2]
	}
	connection, err := rollcall.Dial(args[0], rollcall.OptionsFromEnvironment(), grpc.WithDisableRetry())
	if err != nil {
		return err
	}
	defer connection.Close()
	users := rollcallv1.NewUserServiceClient(connection)

	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for _, step := range steps {
		outcome := verdict{Step: step.Name, OK: true}
		if err := step.run(context.Background(), users, saved); err != nil {
			outcome.OK, outcome.Why = false, err.Error()
		}
		if err := output.Encode(outcome); err != nil {
			return err
		}
	}
	return nil
}

func readScenario(file string) ([]step, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var scenario struct {
		Steps []step `json:"steps"`
	}
	if err := json.Unmarshal(text, &scenario); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return scenario.Steps, nil
}
