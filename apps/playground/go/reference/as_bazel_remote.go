package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"

	remoteexecution "github.com/bazelbuild/remote-apis/build/bazel/remote/execution/v2"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// asBazelRemote answers with the steps that bazel-remote 2 takes for the same calls when it does not compress, by its source:
// each hash is matched with a regular expression and made a key of an index, blobs are looked up 20 at a time, reads are sent
// from a buffer of 2 MiB, blobs of batches are read with io.ReadAll, and writes go through a pipe to a goroutine that stores them.
//
// It leaves out what that does besides: counters, reservations of space, the check of an action's output directories, logs. And
// it hashes all that it stores, which some versions of bazel-remote do only when they compress: so of writes it may take more.
type asBazelRemote struct {
	*service
}

const (
	bazelRemoteLookups      = 20
	bazelRemoteMessageBytes = 2 << 20
)

var (
	bazelRemoteHash = regexp.MustCompile("^[a-f0-9]{64}$")
	bazelRemotePath = regexp.MustCompile("^/?(.*/)?(ac/|cas/)([a-f0-9]{64})$")
)

func checkHash(hash string) error {
	if len(hash) != 64 || !bazelRemoteHash.MatchString(hash) {
		return status.Error(codes.InvalidArgument, "the hash is malformed")
	}
	return nil
}

// hashOfKey makes the key of an index, and names what our index has.
func hashOfKey(hash string) string {
	key := "cas/" + hash
	return key[len("cas/"):]
}

func (s asBazelRemote) GetActionResult(_ context.Context, request *remoteexecution.GetActionResultRequest) (*remoteexecution.ActionResult, error) {
	if err := checkHash(request.ActionDigest.GetHash()); err != nil {
		return nil, err
	}
	file, err := s.store.open(actionKey(request.ActionDigest), -1)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, status.Error(codes.NotFound, request.ActionDigest.Hash+" not found in AC")
	}
	defer file.Close()
	if _, err := file.Stat(); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	result, named, err := decodeResult(content)
	if err != nil {
		return nil, err
	}
	for _, digest := range named {
		if digest != nil && !s.store.has(hashOfKey(digest.Hash), digest.SizeBytes) {
			return nil, status.Error(codes.NotFound, request.ActionDigest.Hash+" not found in AC")
		}
	}
	if request.InlineStdout && result.StdoutDigest != nil {
		result.StdoutRaw, err = s.readAll(result.StdoutDigest)
	}
	return result, err
}

func (s asBazelRemote) FindMissingBlobs(_ context.Context, request *remoteexecution.FindMissingBlobsRequest) (*remoteexecution.FindMissingBlobsResponse, error) {
	for _, digest := range request.BlobDigests {
		if err := checkHash(digest.GetHash()); err != nil {
			return nil, err
		}
	}
	response := &remoteexecution.FindMissingBlobsResponse{}
	for rest := request.BlobDigests; len(rest) > 0; {
		chunk := rest[:min(len(rest), bazelRemoteLookups)]
		rest = rest[len(chunk):]
		places := s.store.missing(len(chunk), func(index int) (string, int64) { return hashOfKey(chunk[index].Hash), chunk[index].SizeBytes })
		for _, place := range places {
			response.MissingBlobDigests = append(response.MissingBlobDigests, chunk[place])
		}
	}
	return response, nil
}

func (s asBazelRemote) BatchUpdateBlobs(ctx context.Context, request *remoteexecution.BatchUpdateBlobsRequest) (*remoteexecution.BatchUpdateBlobsResponse, error) {
	for _, item := range request.Requests {
		if err := checkHash(item.Digest.GetHash()); err != nil {
			return nil, err
		}
	}
	return s.service.BatchUpdateBlobs(ctx, request)
}

func (s asBazelRemote) BatchReadBlobs(_ context.Context, request *remoteexecution.BatchReadBlobsRequest) (*remoteexecution.BatchReadBlobsResponse, error) {
	response := &remoteexecution.BatchReadBlobsResponse{}
	for _, digest := range request.Digests {
		if err := checkHash(digest.GetHash()); err != nil {
			return nil, err
		}
		content, err := s.readAll(digest)
		response.Responses = append(response.Responses, &remoteexecution.BatchReadBlobsResponse_Response{Digest: digest, Data: content, Status: statusOf(err)})
	}
	return response, nil
}

func (s asBazelRemote) readAll(digest *remoteexecution.Digest) ([]byte, error) {
	file, err := s.store.open(hashOfKey(digest.Hash), digest.SizeBytes)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, errAbsent
	}
	defer file.Close()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

func (s asBazelRemote) Read(request *bytestream.ReadRequest, stream bytestream.ByteStream_ReadServer) error {
	name, err := parseName(request.ResourceName)
	if err == nil {
		err = checkHash(name.hash)
	}
	if err != nil {
		return err
	}
	return s.send(name, bazelRemoteMessageBytes, stream)
}

func (s asBazelRemote) Write(stream bytestream.ByteStream_WriteServer) error {
	message, err := stream.Recv()
	if err != nil {
		return err
	}
	name, err := parseName(message.ResourceName)
	if err == nil {
		err = checkHash(name.hash)
	}
	if err != nil {
		return err
	}
	if s.store.has(hashOfKey(name.hash), name.size) {
		return stream.SendAndClose(&bytestream.WriteResponse{CommittedSize: name.size})
	}
	reader, writer := io.Pipe()
	stored := make(chan error, 1)
	go func() {
		err := s.storeFrom(reader, name)
		reader.CloseWithError(err)
		stored <- err
	}()
	received := &messages{stream: stream, rest: message.Data, isLast: message.FinishWrite}
	_, err = received.WriteTo(writer)
	writer.CloseWithError(err)
	if err := <-stored; err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return stream.SendAndClose(&bytestream.WriteResponse{CommittedSize: name.size})
}

func (s asBazelRemote) storeFrom(content io.Reader, name resourceName) error {
	upload, err := s.store.write()
	if err != nil {
		return err
	}
	defer upload.abandon()
	if name.isCompressed {
		err = receiveCompressed(content, upload)
	} else {
		_, err = io.Copy(upload, content)
	}
	if err != nil {
		return err
	}
	return upload.commit(name.hash, name.size)
}

// filesAsBazelRemote serves blobs over HTTP with the steps that bazel-remote takes.
type filesAsBazelRemote struct {
	*files
}

func (f filesAsBazelRemote) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	parts := bazelRemotePath.FindStringSubmatch(request.URL.Path)
	if parts == nil || request.Method != http.MethodGet {
		f.files.ServeHTTP(response, request)
		return
	}
	file, err := f.store.open(hashOfKey(parts[3]), -1)
	if err != nil || file == nil {
		http.Error(response, "Not found", http.StatusNotFound)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	response.Header().Set("Content-Type", "application/octet-stream")
	response.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	io.Copy(response, file)
}
