package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// What a client of gRPC in Go or Java lets a server send before it has taken it: once it has seen how fast the two are.
	streamWindow     = 1 << 20
	connectionWindow = 16 << 20
)

// grpcConnection is a connection of HTTP/2 in plain text; its requests are under way at the same time.
type grpcConnection struct {
	connection net.Conn
	framer     *http2.Framer

	// Of those who write. waiting is how many want to: the last of them flushes for all.
	writing sync.Mutex
	waiting atomic.Int32
	output  *bufio.Writer
	encoder *hpack.Encoder
	block   bytes.Buffer
	lastID  uint32

	// Of what the server grants and answers.
	state      sync.Mutex
	granted    *sync.Cond
	window     int64
	initial    int64
	frameBytes int
	streams    map[uint32]*grpcStream
	failure    error

	// Of the one who reads alone.
	taken uint32
}

// grpcStream is one request under way.
type grpcStream struct {
	window   int64
	taken    uint32
	received int64
	status   int
	message  string
	isOver   bool
	done     chan error
}

func dialGRPC(address string) (Sender, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &grpcConnection{
		connection: connection,
		output:     bufio.NewWriterSize(connection, 64*1024),
		window:     65535,
		initial:    65535,
		frameBytes: 16 * 1024,
		streams:    map[uint32]*grpcStream{},
	}
	c.granted = sync.NewCond(&c.state)
	c.encoder = hpack.NewEncoder(&c.block)
	c.framer = http2.NewFramer(c.output, bufio.NewReaderSize(connection, 256*1024))
	c.framer.SetReuseFrames()
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.framer.SetMaxReadFrameSize(1 << 20)
	if _, err := c.output.WriteString(http2.ClientPreface); err != nil {
		return nil, err
	}
	c.framer.WriteSettings(
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
	)
	c.framer.WriteWindowUpdate(0, connectionWindow-65535)
	if err := c.output.Flush(); err != nil {
		return nil, err
	}
	// What the server allows is known before the first request, as it is on a connection that is in use.
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return nil, err
		}
		c.take(frame)
		if settings, ok := frame.(*http2.SettingsFrame); ok && !settings.IsAck() {
			break
		}
	}
	go c.read()
	return c, nil
}

func (c *grpcConnection) Close() {
	c.connection.Close()
}

func (c *grpcConnection) Send(request *Request, body []byte) (int64, error) {
	stream := &grpcStream{status: -1, done: make(chan error, 1)}
	id, err := c.begin(request, stream)
	if err != nil {
		return 0, err
	}
	if err := c.sendBody(id, stream, body); err != nil {
		return 0, err
	}
	if err := <-stream.done; err != nil {
		return stream.received, err
	}
	if stream.status != request.Status {
		return stream.received, fmt.Errorf("%s: grpc-status %d %s", request.Path, stream.status, stream.message)
	}
	if stream.received < request.Expect {
		return stream.received, fmt.Errorf("%s: %d bytes instead of %d", request.Path, stream.received, request.Expect)
	}
	return stream.received, nil
}

func (c *grpcConnection) begin(request *Request, stream *grpcStream) (uint32, error) {
	var id uint32
	err := c.write(func() error {
		c.block.Reset()
		c.field(":method", request.Method)
		c.field(":scheme", "http")
		c.field(":path", request.Path)
		c.field(":authority", c.connection.RemoteAddr().String())
		for index := 0; index+1 < len(request.Headers); index += 2 {
			c.field(request.Headers[index], request.Headers[index+1])
		}
		c.lastID += 2
		id = c.lastID - 1
		c.state.Lock()
		stream.window = c.initial
		c.streams[id] = stream
		failure := c.failure
		c.state.Unlock()
		if failure != nil {
			return failure
		}
		return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndHeaders: true})
	})
	return id, err
}

func (c *grpcConnection) field(name, value string) {
	c.encoder.WriteField(hpack.HeaderField{Name: name, Value: value})
}

// sendBody sends as the server grants, and stops when it has answered.
func (c *grpcConnection) sendBody(id uint32, stream *grpcStream, body []byte) error {
	for first := true; first || len(body) > 0; first = false {
		count, err := c.reserve(stream, len(body))
		if err != nil || count < 0 {
			return err
		}
		part := body[:count]
		body = body[count:]
		if err := c.write(func() error { return c.framer.WriteData(id, len(body) == 0, part) }); err != nil {
			return err
		}
	}
	return nil
}

// reserve waits for room to send up to so many bytes; -1 when the stream is over.
func (c *grpcConnection) reserve(stream *grpcStream, wanted int) (int, error) {
	c.state.Lock()
	defer c.state.Unlock()
	for wanted > 0 && min(c.window, stream.window) <= 0 && !stream.isOver && c.failure == nil {
		c.granted.Wait()
	}
	if c.failure != nil {
		return 0, c.failure
	}
	if stream.isOver {
		return -1, nil
	}
	count := min(int64(wanted), int64(c.frameBytes), c.window, stream.window)
	if wanted == 0 {
		count = 0
	}
	c.window -= count
	stream.window -= count
	return int(count), nil
}

func (c *grpcConnection) write(put func() error) error {
	c.waiting.Add(1)
	c.writing.Lock()
	defer c.writing.Unlock()
	err := put()
	if c.waiting.Add(-1) == 0 && err == nil {
		err = c.output.Flush()
	}
	return err
}

func (c *grpcConnection) read() {
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			c.fail(err)
			return
		}
		c.take(frame)
	}
}

func (c *grpcConnection) fail(err error) {
	c.state.Lock()
	defer c.state.Unlock()
	c.failure = err
	for id, stream := range c.streams {
		c.end(id, stream, err)
	}
	c.granted.Broadcast()
}

func (c *grpcConnection) take(frame http2.Frame) {
	switch frame := frame.(type) {
	case *http2.DataFrame:
		c.takeData(frame)
	case *http2.MetaHeadersFrame:
		c.takeHeaders(frame)
	case *http2.SettingsFrame:
		c.takeSettings(frame)
	case *http2.WindowUpdateFrame:
		c.grant(frame.StreamID, int64(frame.Increment))
	case *http2.PingFrame:
		if !frame.IsAck() {
			data := frame.Data
			c.write(func() error { return c.framer.WritePing(true, data) })
		}
	case *http2.RSTStreamFrame:
		c.state.Lock()
		if stream := c.streams[frame.StreamID]; stream != nil {
			c.end(frame.StreamID, stream, fmt.Errorf("the stream was reset: %s", frame.ErrCode))
		}
		c.state.Unlock()
	case *http2.GoAwayFrame:
		c.fail(fmt.Errorf("the server goes away: %s", frame.ErrCode))
	}
}

func (c *grpcConnection) takeData(frame *http2.DataFrame) {
	c.state.Lock()
	stream := c.streams[frame.StreamID]
	length := frame.Length
	c.taken += length
	var streamGrant, grant uint32
	if stream != nil {
		stream.received += int64(length)
		stream.taken += length
		if frame.StreamEnded() {
			c.end(frame.StreamID, stream, errors.New("the response ends without trailers"))
		} else if stream.taken >= streamWindow/4 {
			streamGrant, stream.taken = stream.taken, 0
		}
	}
	if c.taken >= connectionWindow/4 {
		grant, c.taken = c.taken, 0
	}
	c.state.Unlock()
	if streamGrant == 0 && grant == 0 {
		return
	}
	c.write(func() error {
		if streamGrant > 0 {
			c.framer.WriteWindowUpdate(frame.StreamID, streamGrant)
		}
		if grant > 0 {
			c.framer.WriteWindowUpdate(0, grant)
		}
		return nil
	})
}

func (c *grpcConnection) takeHeaders(frame *http2.MetaHeadersFrame) {
	c.state.Lock()
	defer c.state.Unlock()
	stream := c.streams[frame.StreamID]
	if stream == nil {
		return
	}
	for _, field := range frame.Fields {
		switch field.Name {
		case "grpc-status":
			stream.status, _ = strconv.Atoi(field.Value)
		case "grpc-message":
			stream.message = field.Value
		}
	}
	if frame.StreamEnded() {
		c.end(frame.StreamID, stream, nil)
	}
}

// end must be called with the state locked.
func (c *grpcConnection) end(id uint32, stream *grpcStream, err error) {
	delete(c.streams, id)
	stream.isOver = true
	stream.done <- err
	c.granted.Broadcast()
}

func (c *grpcConnection) takeSettings(frame *http2.SettingsFrame) {
	if frame.IsAck() {
		return
	}
	c.state.Lock()
	frame.ForeachSetting(func(setting http2.Setting) error {
		switch setting.ID {
		case http2.SettingInitialWindowSize:
			for _, stream := range c.streams {
				stream.window += int64(setting.Val) - c.initial
			}
			c.initial = int64(setting.Val)
		case http2.SettingMaxFrameSize:
			// Clients of gRPC do not make use of larger ones.
		}
		return nil
	})
	c.state.Unlock()
	c.write(func() error { return c.framer.WriteSettingsAck() })
}

func (c *grpcConnection) grant(id uint32, increment int64) {
	c.state.Lock()
	defer c.state.Unlock()
	if id == 0 {
		c.window += increment
	} else if stream := c.streams[id]; stream != nil {
		stream.window += increment
	}
	c.granted.Broadcast()
}
