package main

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Result is what came of a plan.
type Result struct {
	// Requests is how many were answered as they should be.
	Requests int `json:"requests"`
	// Failures is how many were not, and Failure says what was wrong with the first.
	Failures int    `json:"failures"`
	Failure  string `json:"failure,omitempty"`
	// SentBytes and ReceivedBytes are those of the bodies.
	SentBytes     int64 `json:"sentBytes"`
	ReceivedBytes int64 `json:"receivedBytes"`
	// WallUs is from the first request to the last response, in microseconds.
	WallUs float64 `json:"wallUs"`
	// P50Us and P99Us are what half, and all but one in a hundred, of the requests took at most, in microseconds.
	P50Us float64 `json:"p50Us"`
	P99Us float64 `json:"p99Us"`
}

// drive sends the requests of a plan over the connections, which its slots share evenly.
func drive(plan *Plan, senders []Sender, bodies []byte) Result {
	var (
		next     atomic.Int64
		slots    sync.WaitGroup
		mutex    sync.Mutex
		result   Result
		times    []time.Duration
		begin    = time.Now()
		deadline = begin.Add(time.Duration(plan.DurationMs) * time.Millisecond)
		isTold   = whenTold()
	)
	for slot := range plan.InFlight {
		sender := senders[slot%len(senders)]
		slots.Go(func() {
			var own Result
			var ownTimes []time.Duration
			for {
				index := int(next.Add(1) - 1)
				if index >= len(plan.Requests) && !plan.Repeat {
					break
				}
				started := time.Now()
				// One at least: a round without any would have no figures.
				if index >= plan.InFlight && (started.After(deadline) || isTold.Load()) {
					break
				}
				request := &plan.Requests[index%len(plan.Requests)]
				received, err := sender.Send(request, bodies[request.Offset:request.Offset+request.Length])
				if err != nil {
					own.Failures++
					own.Failure = err.Error()
					break
				}
				ownTimes = append(ownTimes, time.Since(started))
				own.Requests++
				own.SentBytes += request.Length
				own.ReceivedBytes += received
			}
			mutex.Lock()
			defer mutex.Unlock()
			times = append(times, ownTimes...)
			result.add(own)
		})
	}
	slots.Wait()
	result.WallUs = microseconds(time.Since(begin))
	slices.Sort(times)
	if len(times) > 0 {
		result.P50Us = microseconds(times[len(times)/2])
		result.P99Us = microseconds(times[len(times)*99/100])
	}
	return result
}

// whenTold becomes true when the program is told to end: what is under way is finished.
func whenTold() *atomic.Bool {
	var isTold atomic.Bool
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	go func() {
		<-told
		isTold.Store(true)
	}()
	return &isTold
}

func (result *Result) add(other Result) {
	result.Requests += other.Requests
	result.Failures += other.Failures
	result.SentBytes += other.SentBytes
	result.ReceivedBytes += other.ReceivedBytes
	if result.Failure == "" {
		result.Failure = other.Failure
	}
}

func microseconds(duration time.Duration) float64 {
	return float64(duration.Nanoseconds()) / 1000
}
