// Command load calls one method of UserService with grpc-go, and measures it: load -port 50051 -method Identify
//
// Each connection has its own channel, with some calls in flight. It prints `begins` when the warm-up is over, and then the
// result as one line of JSON, as bench/load/jobs.ts describes it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	rollcallv1 "rollcall.example/gen/go/rollcall/v1"
)

// Longer than any load.
const deadline = 10 * time.Minute

type job struct {
	port                  int
	method                string
	connections, inFlight int
	warmUp, measured      time.Duration
	users                 int
	seed                  uint64
}

type result struct {
	Calls    int `json:"calls"`
	Failures int `json:"failures"`

	Seconds float64 `json:"seconds"`

	// Milliseconds.
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`

	// CPU time of this process.
	CPUSeconds float64 `json:"cpuSeconds"`
}

func main() {
	var asked job
	flag.IntVar(&asked.port, "port", 0, "the server's port on 127.0.0.1")
	flag.StringVar(&asked.method, "method", "Identify", "Identify or GetUser")
	flag.IntVar(&asked.connections, "connections", 4, "how many connections")
	flag.IntVar(&asked.inFlight, "in-flight", 32, "calls in flight on each connection")
	flag.DurationVar(&asked.warmUp, "warm-up", time.Second, "calls before this are not counted")
	flag.DurationVar(&asked.measured, "measured", time.Second, "how long calls are counted")
	flag.IntVar(&asked.users, "users", 1, "users are drawn at random from the first ones")
	flag.Uint64Var(&asked.seed, "seed", 1, "of the random numbers")
	flag.Parse()
	measured, err := run(asked)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(measured); err != nil {
		log.Fatal(err)
	}
}

// One of the calls in flight: it makes the next call when the last one is answered.
type caller struct {
	users     rollcallv1.UserServiceClient
	random    *rand.Rand
	latencies []float64
	failures  int
}

// call returns whether the server answered.
func (c *caller) call(method string, users int) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	user := c.random.IntN(users)
	if method == "GetUser" {
		_, err := c.users.GetUser(ctx, getUserRequest(user))
		return err
	}
	_, err := c.users.Identify(ctx, identifyRequest(user, c.random.IntN(maxValue)))
	return err
}

func run(asked job) (result, error) {
	var callers []*caller
	for range asked.connections {
		address := fmt.Sprintf("127.0.0.1:%d", asked.port)
		connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return result{}, err
		}
		defer connection.Close()
		for range asked.inFlight {
			random := rand.New(rand.NewPCG(asked.seed, uint64(len(callers))))
			callers = append(callers, &caller{users: rollcallv1.NewUserServiceClient(connection), random: random})
		}
	}

	var counting, stopped atomic.Bool
	var running sync.WaitGroup
	for _, each := range callers {
		running.Go(func() {
			for !stopped.Load() {
				start := time.Now()
				err := each.call(asked.method, asked.users)
				if !counting.Load() {
					continue
				}
				if err != nil {
					each.failures++
				} else {
					each.latencies = append(each.latencies, time.Since(start).Seconds()*1e3)
				}
			}
		})
	}
	time.Sleep(asked.warmUp)
	fmt.Println("begins")
	counting.Store(true)
	start, cpu := time.Now(), cpuSeconds()
	time.Sleep(asked.measured)
	counting.Store(false)
	measured := result{Seconds: time.Since(start).Seconds(), CPUSeconds: cpuSeconds() - cpu}
	stopped.Store(true)
	running.Wait()

	var latencies []float64
	for _, each := range callers {
		latencies = append(latencies, each.latencies...)
		measured.Failures += each.failures
	}
	slices.Sort(latencies)
	measured.Calls = len(latencies)
	if measured.Calls > 0 {
		measured.P50 = latencies[measured.Calls/2]
		measured.P99 = latencies[measured.Calls*99/100]
	}
	return measured, nil
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
