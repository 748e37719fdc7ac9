package rollcall

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// domain of the server's reasons.
const domain = "rollcall.v1"

// Error is the error of a call, with the server's details.
type Error struct {
	Code    codes.Code
	Message string

	// Reason is the name of an ErrorReason without its prefix, such as USER_NOT_FOUND. Empty if the error does not come from
	// the server: a lost connection, for example.
	Reason string

	// Metadata has the limits and sizes that belong to the reason.
	Metadata map[string]string

	// Violations name the invalid fields of an InvalidArgument.
	Violations []Violation

	// RetryAfter is the wait that the server asks for before a retry. Zero if it asks for no retry.
	RetryAfter time.Duration

	cause error
}

// Violation describes one invalid field of a request.
type Violation struct {
	// Field is its path, such as properties["a.b"].list[3].
	Field       string
	Reason      string
	Description string
}

// ErrorOf reads the error of a call. It returns nil for nil.
func ErrorOf(err error) *Error {
	if err == nil {
		return nil
	}
	answer := status.Convert(err)
	read := &Error{Code: answer.Code(), Message: answer.Message(), cause: err}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == domain {
				read.Reason, read.Metadata = detail.GetReason(), detail.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				read.Violations = append(read.Violations, Violation{
					Field:       violation.GetField(),
					Reason:      violation.GetReason(),
					Description: violation.GetDescription(),
				})
			}
		case *errdetails.RetryInfo:
			read.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	return read
}

func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s: %s", e.Code, e.Reason, e.Message)
}

// Unwrap returns the original error, for errors.Is and status.FromError.
func (e *Error) Unwrap() error {
	return e.cause
}
