package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

const callTimeout = 10 * time.Second

// step is one call of a scenario and its expected result. JSON values have the types of encoding/json.
type step struct {
	Name      string            `json:"name"`
	Method    string            `json:"method"`
	Request   any               `json:"request"`
	Requests  []any             `json:"requests"`
	Response  any               `json:"response"`
	Responses []any             `json:"responses"`
	Error     *expectedError    `json:"error"`
	Present   []string          `json:"present"`
	Differs   map[string]string `json:"differs"`
	Save      map[string]string `json:"save"`
}

// run makes the call, and returns the differences from the expected result.
func (s step) run(ctx context.Context, users rollcallv1.UserServiceClient, saved names) error {
	method, known := methods[s.Method]
	if !known {
		return fmt.Errorf("the contract has no method %q", s.Method)
	}
	s, err := s.filledIn(saved)
	if err != nil {
		return err
	}
	requests := s.Requests
	if !method.streams {
		requests = []any{s.Request}
	}

	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answers, failure, err := method.call(ctx, users, requests)
	if err != nil {
		return err
	}
	if err := s.Error.check(failure); err != nil {
		return err
	}
	if method.streams {
		if err := match("", s.Responses, answers); err != nil {
			return err
		}
		return s.checkRest(answers, saved)
	}
	if failure != nil {
		return nil
	}
	if err := match("", s.Response, answers[0]); err != nil {
		return err
	}
	return s.checkRest(answers[0], saved)
}

// checkRest checks single values of an answer, and saves values for later steps.
func (s step) checkRest(answer any, saved names) error {
	if s.Error != nil {
		return nil
	}
	for _, path := range s.Present {
		if isDefault(valueAt(answer, path)) {
			return fmt.Errorf("%s: not there", path)
		}
	}
	for path, other := range s.Differs {
		actual := valueAt(answer, path)
		if isDefault(actual) || actual == any(other) {
			return fmt.Errorf("%s: expected another value than %q, got %s", path, other, inJSON(actual))
		}
	}
	for name, path := range s.Save {
		actual, isText := valueAt(answer, path).(string)
		if !isText || isDefault(actual) {
			return fmt.Errorf("%s: no text to save", path)
		}
		saved[name] = actual
	}
	return nil
}

// filledIn returns the step with a saved value in the place of each name.
func (s step) filledIn(saved names) (step, error) {
	filler := filler{saved: saved}
	s.Request = filler.value(s.Request)
	s.Requests = filler.list(s.Requests)
	s.Response = filler.value(s.Response)
	s.Responses = filler.list(s.Responses)
	s.Error = filler.expectedError(s.Error)
	s.Differs = filler.texts(s.Differs)
	if len(filler.unknown) > 0 {
		slices.Sort(filler.unknown)
		return s, fmt.Errorf("nothing was saved under %q", slices.Compact(filler.unknown))
	}
	return s, nil
}
