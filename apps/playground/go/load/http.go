package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// httpConnection is a connection of HTTP/1.1, which has one request under way at a time.
type httpConnection struct {
	connection net.Conn
	reader     *bufio.Reader
	host       string
	head       []byte
	drain      []byte
}

func dialHTTP(address string) (Sender, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	reader := bufio.NewReaderSize(connection, 64*1024)
	return &httpConnection{connection: connection, reader: reader, host: address, drain: make([]byte, 256*1024)}, nil
}

func (c *httpConnection) Send(request *Request, body []byte) (int64, error) {
	head := append(c.head[:0], request.Method...)
	head = append(head, ' ')
	head = append(head, request.Path...)
	head = append(head, " HTTP/1.1\r\nhost: "...)
	head = append(head, c.host...)
	for index := 0; index+1 < len(request.Headers); index += 2 {
		head = append(head, "\r\n"...)
		head = append(head, request.Headers[index]...)
		head = append(head, ": "...)
		head = append(head, request.Headers[index+1]...)
	}
	if request.Method != http.MethodGet {
		head = append(head, "\r\ncontent-length: "...)
		head = strconv.AppendInt(head, int64(len(body)), 10)
	}
	head = append(head, "\r\n\r\n"...)
	c.head = head
	buffers := net.Buffers{head, body}
	if len(body) == 0 {
		buffers = buffers[:1]
	}
	if _, err := buffers.WriteTo(c.connection); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	received, err := c.discard(response.Body)
	if err != nil {
		return received, err
	}
	if response.StatusCode/100 != request.Status/100 {
		return received, fmt.Errorf("%s %s: status %d", request.Method, request.Path, response.StatusCode)
	}
	if received < request.Expect {
		return received, fmt.Errorf("%s %s: %d bytes instead of %d", request.Method, request.Path, received, request.Expect)
	}
	return received, nil
}

func (c *httpConnection) discard(body io.Reader) (int64, error) {
	var received int64
	for {
		count, err := body.Read(c.drain)
		received += int64(count)
		if err == io.EOF {
			return received, nil
		}
		if err != nil {
			return received, err
		}
	}
}

func (c *httpConnection) Close() {
	c.connection.Close()
}
