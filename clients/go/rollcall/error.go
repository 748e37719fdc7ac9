package rollcall

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// domain is that of the reasons that the server gives.
const domain = "rollcall.v1"

// Error is why a call failed, with the server's details read.
type Error struct {
	Code    codes.Code
	Message string

	// Reason is the name of an ErrorReason without its prefix, such as USER_NOT_FOUND. Empty where the error is not the
	// server's: a connection that was lost, say.
	Reason string

	// Metadata has the limits and sizes that belong to the reason.
	Metadata map[string]string

	// Violations name the fields that are wrong, of an InvalidArgument.
	Violations []Violation

	// RetryAfter is how long the server asks to wait before another attempt. Zero where it invites none.
	RetryAfter time.Duration

	cause error
}

// Violation is what is wrong with one field of a request.
type Violation struct {
	// Field is its path, such as properties["a.b"].list[3].
	Field       string
	Reason      string
	Description string
}

// ErrorOf reads what a call has returned. It returns nil for nil.
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

// Unwrap returns what the call has returned, for errors.Is and status.FromError.
func (e *Error) Unwrap() error {
	return e.cause
}
