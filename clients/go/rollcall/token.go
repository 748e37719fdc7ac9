package rollcall

import "context"

// bearerToken sends a token with each call.
type bearerToken struct {
	token       string
	inClearText bool
}

func (b bearerToken) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

// RequireTransportSecurity makes gRPC refuse to send the token without TLS.
func (b bearerToken) RequireTransportSecurity() bool {
	return !b.inClearText
}
