// Command load sends prepared requests to a server, a number of them at a time, and says how long each took.
//
// It knows nothing of what it sends: a plan names the requests, and a file holds their bodies. It is written in Go so that it
// takes less of the machine than the server that it measures.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
)

// Plan is what to send, and how.
type Plan struct {
	// Address is host:port.
	Address string `json:"address"`
	// Protocol is "grpc" (HTTP/2 in plain text) or "http" (HTTP/1.1).
	Protocol string `json:"protocol"`
	// Connections are opened before the clock starts. Each request over HTTP/1.1 has one to itself.
	Connections int `json:"connections"`
	// InFlight is how many requests are under way at any time.
	InFlight int `json:"inFlight"`
	// Bodies is the path of the file that holds the bodies of all requests.
	Bodies string `json:"bodies"`
	// Requests are sent in their order.
	Requests []Request `json:"requests"`
	// Repeat has the requests start over when all were sent, until the time is over.
	Repeat bool `json:"repeat"`
	// DurationMs is how long new requests are begun, in milliseconds.
	DurationMs int64 `json:"durationMs"`
}

// Request is one of them.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Headers are names and values, in turn.
	Headers []string `json:"headers"`
	// Offset and Length say where in the file the body is, in bytes.
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Expect is the least number of bytes that the body of the response has.
	Expect int64 `json:"expect"`
	// Status is the status that the response must have: one of gRPC; of HTTP any of the same hundred.
	Status int `json:"status"`
}

// Sender sends one request and waits for all of the response; it resolves to the size of its body.
type Sender interface {
	Send(request *Request, body []byte) (int64, error)
	Close()
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: load PLAN")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var plan Plan
	if err := json.Unmarshal(text, &plan); err != nil {
		return err
	}
	bodies, err := mapFile(plan.Bodies)
	if err != nil {
		return err
	}
	senders, err := connect(&plan)
	if err != nil {
		return err
	}
	result := drive(&plan, senders, bodies)
	for _, sender := range senders {
		sender.Close()
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func connect(plan *Plan) ([]Sender, error) {
	senders := make([]Sender, plan.Connections)
	for index := range senders {
		var err error
		if plan.Protocol == "grpc" {
			senders[index], err = dialGRPC(plan.Address)
		} else {
			senders[index], err = dialHTTP(plan.Address)
		}
		if err != nil {
			return nil, err
		}
	}
	return senders, nil
}

func mapFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	return syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED|syscall.MAP_POPULATE)
}
