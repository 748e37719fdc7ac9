package main

import (
	"fmt"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/code"

	"rollcall.example/clients/go/rollcall"
)

// expectedError describes the error of a call.
type expectedError struct {
	Code       string              `json:"code"`
	Reason     string              `json:"reason"`
	Violations []expectedViolation `json:"violations"`
	Metadata   map[string]string   `json:"metadata"`
}

type expectedViolation struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// check returns the differences from the expected error; a nil expectedError expects success.
func (e *expectedError) check(failure error) error {
	actual := rollcall.ErrorOf(failure)
	if actual == nil {
		if e == nil {
			return nil
		}
		return fmt.Errorf("error: expected %s, got an answer", e.Code)
	}
	if e == nil {
		return fmt.Errorf("error: expected none, got %w", actual)
	}
	// The generated enum has the contract's names; codes.Code has Go's.
	if name := code.Code(actual.Code).String(); name != e.Code {
		return fmt.Errorf("error.code: expected %s, got %s: %w", e.Code, name, actual)
	}
	if actual.Reason != e.Reason {
		return fmt.Errorf("error.reason: expected %q, got %q", e.Reason, actual.Reason)
	}
	var violations []expectedViolation
	for _, violation := range actual.Violations {
		violations = append(violations, expectedViolation{Field: violation.Field, Reason: violation.Reason})
	}
	if !slices.Equal(violations, e.Violations) {
		return fmt.Errorf("error.violations: expected %s, got %s", inJSON(e.Violations), inJSON(violations))
	}
	for name, value := range e.Metadata {
		if actual.Metadata[name] != value {
			return fmt.Errorf("error.metadata.%s: expected %q, got %q", name, value, actual.Metadata[name])
		}
	}
	return nil
}
