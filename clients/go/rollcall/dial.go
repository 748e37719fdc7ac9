// Package rollcall adds to the generated stubs: connections with deadlines, retries, credentials and TLS, errors with their
// details, and imports that survive a lost connection.
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

// Default deadlines of unary calls, and retries of calls that found no server or no store.
//
//go:embed service-config.json
var serviceConfig string

// Options for a connection to a server.
type Options struct {
	// Token is the bearer token of each call. Empty for none.
	Token string

	// TokenInClearText allows a token without TLS, which others on the network can read. Otherwise Dial fails.
	TokenInClearText bool

	// CAFile is a file in PEM with the authorities of the server's certificate. Empty for the system's.
	CAFile string
}

// OptionsFromEnvironment reads ROLLCALL_TOKEN and ROLLCALL_CA.
func OptionsFromEnvironment() Options {
	return Options{Token: os.Getenv("ROLLCALL_TOKEN"), CAFile: os.Getenv("ROLLCALL_CA")}
}

// Dial returns a connection to the server at a URL, such as http://127.0.0.1:50051 or, with TLS, https://users.internal. It
// connects at the first call. The caller closes it.
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

// transportOf returns the address to dial, and clear text or TLS by the URL's scheme.
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

// readAuthorities returns nil for the system's authorities if there is no file.
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
