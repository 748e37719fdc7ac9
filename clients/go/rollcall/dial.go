// Package rollcall has what a caller of Rollcall wants around the generated stubs: a connection with deadlines, retries,
// credentials and TLS, errors with their details read, and imports that outlast a lost connection.
package rollcall

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"fmt"
	"net/url"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Deadlines of unary calls where the caller sets none, and attempts at those that found no server or no store.
//
//go:embed service-config.json
var serviceConfig string

// Options say how to reach a server, beside its URL.
type Options struct {
	// Token is sent with each call as a bearer token. None if empty.
	Token string

	// TokenInClearText lets the token travel to a server without TLS, where whoever is on the way can read it. Dial fails
	// without it.
	TokenInClearText bool

	// CAFile holds, in PEM, the authorities that may have signed the server's certificate. The system's if empty.
	CAFile string
}

// OptionsFromEnvironment reads ROLLCALL_TOKEN and ROLLCALL_CA.
func OptionsFromEnvironment() Options {
	return Options{Token: os.Getenv("ROLLCALL_TOKEN"), CAFile: os.Getenv("ROLLCALL_CA")}
}

// Dial returns a connection to the server at a URL, such as http://127.0.0.1:50051 or, with TLS, https://users.internal. It
// connects when the first call is made. The caller closes it.
func Dial(server string, options Options, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	target, transport, err := transportOf(server, options)
	if err != nil {
		return nil, err
	}
	dialOptions := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
	}
	if options.Token != "" {
		if transport.Info().SecurityProtocol == "insecure" && !options.TokenInClearText {
			return nil, fmt.Errorf("no token is sent to %s, which speaks no TLS", server)
		}
		token := bearerToken{token: options.Token, inClearText: options.TokenInClearText}
		dialOptions = append(dialOptions, grpc.WithPerRPCCredentials(token))
	}
	return grpc.NewClient(target, append(dialOptions, more...)...)
}

// transportOf returns the address to dial, and clear text or TLS as the URL's scheme says.
func transportOf(server string, options Options) (string, credentials.TransportCredentials, error) {
	address, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	if address.Hostname() == "" {
		return "", nil, fmt.Errorf("no host in the server's URL: %q", server)
	}
	switch address.Scheme {
	case "http":
		return withPort(address, "80"), insecure.NewCredentials(), nil
	case "https":
		authorities, err := readAuthorities(options.CAFile)
		if err != nil {
			return "", nil, err
		}
		config := &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
		return withPort(address, "443"), credentials.NewTLS(config), nil
	default:
		return "", nil, fmt.Errorf("the server's URL begins with neither http:// nor https://: %q", server)
	}
}

func withPort(address *url.URL, port string) string {
	if address.Port() != "" {
		return address.Host
	}
	return address.Host + ":" + port
}

// readAuthorities returns nil, which stands for the system's, where there is no file.
func readAuthorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificates in %s", file)
	}
	return authorities, nil
}
