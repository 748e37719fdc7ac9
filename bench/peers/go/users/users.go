// Package users keeps users in Redis as a competent user of rueidis does: a hash for each user, with a field for each
// property, changed by one script a call. bench/peers/redis-users.ts does the same. A property's value is stored as the
// bytes of its protobuf message.
package users

import (
	"context"
	_ "embed"
	"errors"
	"strconv"

	"github.com/redis/rueidis"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// KEYS[1]: the user; ARGV: names and values in turn. Returns the outcome and the hash.
//
//go:embed identify.lua
var identifySource string

var identifyScript = rueidis.NewLuaScript(identifySource)

// Fields of a hash that are no properties.
const (
	createdField = "@created"
	updatedField = "@updated"
)

// ErrNotFound says that there is no such user.
var ErrNotFound = errors.New("no such user")

// Equal values need equal bytes, since the script compares them.
var canonical = proto.MarshalOptions{Deterministic: true}

// User is one stored user.
type User struct {
	ID         string
	Properties *structpb.Struct

	// Microseconds since 1970.
	CreatedAt, UpdatedAt int64
}

// Change is what one Identify sends.
type Change struct {
	ID         string
	Properties *structpb.Struct
}

// Identified is what one Identify did.
type Identified struct {
	// Outcome is one of the contract's numbers: 1 created, 2 updated, 3 unchanged.
	Outcome int64
	User    User
}

// Store is all users of one Redis. Commands of concurrent calls share pipelines.
type Store struct {
	client rueidis.Client
}

// Open connects to the Redis at a URL such as redis://127.0.0.1:6379.
func Open(url string) (*Store, error) {
	option, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return nil, err
	}
	return &Store{client: client}, nil
}

// Identify merges properties into a user, which it creates if it is missing.
func (s *Store) Identify(ctx context.Context, change Change) (Identified, error) {
	arguments, err := argumentsOf(change.Properties)
	if err != nil {
		return Identified{}, err
	}
	result := identifyScript.Exec(ctx, s.client, []string{keyOf(change.ID)}, arguments)
	return identifiedOf(change.ID, result)
}

// IdentifyAll sends all changes in one pipeline.
func (s *Store) IdentifyAll(ctx context.Context, changes []Change) ([]Identified, error) {
	calls := make([]rueidis.LuaExec, len(changes))
	for i, change := range changes {
		arguments, err := argumentsOf(change.Properties)
		if err != nil {
			return nil, err
		}
		calls[i] = rueidis.LuaExec{Keys: []string{keyOf(change.ID)}, Args: arguments}
	}
	all := make([]Identified, len(changes))
	for i, result := range identifyScript.ExecMulti(ctx, s.client, calls...) {
		identified, err := identifiedOf(changes[i].ID, result)
		if err != nil {
			return nil, err
		}
		all[i] = identified
	}
	return all, nil
}

// Get returns ErrNotFound if there is no such user.
func (s *Store) Get(ctx context.Context, id string) (User, error) {
	fields, err := s.client.Do(ctx, s.client.B().Hgetall().Key(keyOf(id)).Build()).AsStrMap()
	if err != nil {
		return User{}, err
	}
	if len(fields) == 0 {
		return User{}, ErrNotFound
	}
	return userOf(id, fields)
}

func keyOf(id string) string {
	return "user:" + id
}

func argumentsOf(properties *structpb.Struct) ([]string, error) {
	arguments := make([]string, 0, 2*len(properties.GetFields()))
	for name, value := range properties.GetFields() {
		bytes, err := canonical.Marshal(value)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, name, rueidis.BinaryString(bytes))
	}
	return arguments, nil
}

func identifiedOf(id string, result rueidis.RedisResult) (Identified, error) {
	answer, err := result.ToArray()
	if err != nil {
		return Identified{}, err
	}
	if len(answer) != 2 {
		return Identified{}, errors.New("the script's answer is not an outcome and a hash")
	}
	outcome, err := answer[0].AsInt64()
	if err != nil {
		return Identified{}, err
	}
	fields, err := answer[1].AsStrMap()
	if err != nil {
		return Identified{}, err
	}
	user, err := userOf(id, fields)
	return Identified{Outcome: outcome, User: user}, err
}

func userOf(id string, fields map[string]string) (User, error) {
	user := User{ID: id, Properties: &structpb.Struct{Fields: make(map[string]*structpb.Value, len(fields))}}
	for name, text := range fields {
		var err error
		switch name {
		case createdField:
			user.CreatedAt, err = strconv.ParseInt(text, 10, 64)
		case updatedField:
			user.UpdatedAt, err = strconv.ParseInt(text, 10, 64)
		default:
			value := &structpb.Value{}
			err = proto.Unmarshal([]byte(text), value)
			user.Properties.Fields[name] = value
		}
		if err != nil {
			return User{}, err
		}
	}
	return user, nil
}
