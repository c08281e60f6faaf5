package main

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/genproto/googleapis/bytestream"
)

// messages reads the data of the messages of a write.
type messages struct {
	stream bytestream.ByteStream_WriteServer
	rest   []byte
	isLast bool
}

func (m *messages) Read(buffer []byte) (int, error) {
	if err := m.next(); err != nil {
		return 0, err
	}
	count := copy(buffer, m.rest)
	m.rest = m.rest[count:]
	return count, nil
}

// WriteTo spares io.Copy a buffer of its own.
func (m *messages) WriteTo(writer io.Writer) (int64, error) {
	var written int64
	for {
		if err := m.next(); err == io.EOF {
			return written, nil
		} else if err != nil {
			return written, err
		}
		count, err := writer.Write(m.rest)
		written += int64(count)
		m.rest = nil
		if err != nil {
			return written, err
		}
	}
}

func (m *messages) next() error {
	for len(m.rest) == 0 {
		if m.isLast {
			return io.EOF
		}
		message, err := m.stream.Recv()
		if err != nil {
			return err
		}
		m.rest, m.isLast = message.Data, message.FinishWrite
	}
	return nil
}

// sender sends what is written to it as messages of a read.
type sender struct {
	stream bytestream.ByteStream_ReadServer
}

func (s sender) Write(content []byte) (int, error) {
	return len(content), s.stream.Send(&bytestream.ReadResponse{Data: content})
}

var (
	encoders = sync.Pool{New: func() any {
		encoder, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		return encoder
	}}
	decoders = sync.Pool{New: func() any {
		decoder, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		return decoder
	}}
)

func sendCompressed(content io.Reader, stream bytestream.ByteStream_ReadServer) error {
	encoder := encoders.Get().(*zstd.Encoder)
	defer encoders.Put(encoder)
	encoder.Reset(sender{stream})
	if _, err := encoder.ReadFrom(content); err != nil {
		return err
	}
	return encoder.Close()
}

func receiveCompressed(content io.Reader, writer io.Writer) error {
	decoder := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(decoder)
	if err := decoder.Reset(content); err != nil {
		return err
	}
	_, err := decoder.WriteTo(writer)
	return err
}
