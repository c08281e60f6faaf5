package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	remoteexecution "github.com/bazelbuild/remote-apis/build/bazel/remote/execution/v2"
	"google.golang.org/genproto/googleapis/bytestream"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// messageBytes is what of a blob goes into one message.
const messageBytes = 1 << 20

// service answers the calls of the Remote Execution API that caches answer.
type service struct {
	remoteexecution.UnimplementedActionCacheServer
	remoteexecution.UnimplementedContentAddressableStorageServer
	bytestream.UnimplementedByteStreamServer
	store *store
}

func (s *service) GetActionResult(_ context.Context, request *remoteexecution.GetActionResultRequest) (*remoteexecution.ActionResult, error) {
	file, err := s.store.open(actionKey(request.ActionDigest), -1)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, status.Error(codes.NotFound, "not found")
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	result, named, err := decodeResult(content)
	if err != nil {
		return nil, err
	}
	missing := s.store.missing(len(named), func(index int) (string, int64) { return named[index].GetHash(), named[index].GetSizeBytes() })
	for _, index := range missing {
		if named[index] != nil {
			return nil, status.Error(codes.NotFound, "an output is not stored")
		}
	}
	return result, nil
}

// decodeResult returns a result and the digests that it names, some of which may be nil.
func decodeResult(content []byte) (*remoteexecution.ActionResult, []*remoteexecution.Digest, error) {
	result := &remoteexecution.ActionResult{}
	if err := proto.Unmarshal(content, result); err != nil {
		return nil, nil, err
	}
	named := []*remoteexecution.Digest{result.StdoutDigest, result.StderrDigest}
	for _, output := range result.OutputFiles {
		named = append(named, output.Digest)
	}
	return result, named, nil
}

func (s *service) UpdateActionResult(_ context.Context, request *remoteexecution.UpdateActionResultRequest) (*remoteexecution.ActionResult, error) {
	content, err := proto.Marshal(request.ActionResult)
	if err != nil {
		return nil, err
	}
	return request.ActionResult, s.store.put(actionKey(request.ActionDigest), content, false)
}

func actionKey(digest *remoteexecution.Digest) string {
	return "action-" + digest.GetHash()
}

func (s *service) FindMissingBlobs(_ context.Context, request *remoteexecution.FindMissingBlobsRequest) (*remoteexecution.FindMissingBlobsResponse, error) {
	digests := request.BlobDigests
	places := s.store.missing(len(digests), func(index int) (string, int64) { return digests[index].Hash, digests[index].SizeBytes })
	response := &remoteexecution.FindMissingBlobsResponse{}
	for _, place := range places {
		response.MissingBlobDigests = append(response.MissingBlobDigests, digests[place])
	}
	return response, nil
}

func (s *service) BatchUpdateBlobs(_ context.Context, request *remoteexecution.BatchUpdateBlobsRequest) (*remoteexecution.BatchUpdateBlobsResponse, error) {
	response := &remoteexecution.BatchUpdateBlobsResponse{}
	for _, item := range request.Requests {
		err := s.store.put(item.Digest.Hash, item.Data, true)
		response.Responses = append(response.Responses, &remoteexecution.BatchUpdateBlobsResponse_Response{Digest: item.Digest, Status: statusOf(err)})
	}
	return response, nil
}

func (s *service) BatchReadBlobs(_ context.Context, request *remoteexecution.BatchReadBlobsRequest) (*remoteexecution.BatchReadBlobsResponse, error) {
	response := &remoteexecution.BatchReadBlobsResponse{}
	for _, digest := range request.Digests {
		answer := &remoteexecution.BatchReadBlobsResponse_Response{Digest: digest}
		content, err := s.read(digest)
		answer.Data, answer.Status = content, statusOf(err)
		response.Responses = append(response.Responses, answer)
	}
	return response, nil
}

func (s *service) read(digest *remoteexecution.Digest) ([]byte, error) {
	file, err := s.store.open(digest.Hash, digest.SizeBytes)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, errAbsent
	}
	defer file.Close()
	content := make([]byte, digest.SizeBytes)
	_, err = io.ReadFull(file, content)
	return content, err
}

func (s *service) Read(request *bytestream.ReadRequest, stream bytestream.ByteStream_ReadServer) error {
	name, err := parseName(request.ResourceName)
	if err != nil {
		return err
	}
	return s.send(name, messageBytes, stream)
}

// send sends a blob in messages of at most so many bytes.
func (s *service) send(name resourceName, maxBytes int64, stream bytestream.ByteStream_ReadServer) error {
	file, err := s.store.open(name.hash, name.size)
	if err != nil {
		return err
	}
	if file == nil {
		return status.Error(codes.NotFound, "not found")
	}
	defer file.Close()
	if name.isCompressed {
		return sendCompressed(file, stream)
	}
	buffer := make([]byte, min(name.size, maxBytes))
	for rest := name.size; rest > 0; {
		count, err := file.Read(buffer)
		if err != nil {
			return err
		}
		if err := stream.Send(&bytestream.ReadResponse{Data: buffer[:count]}); err != nil {
			return err
		}
		rest -= int64(count)
	}
	return nil
}

func (s *service) Write(stream bytestream.ByteStream_WriteServer) error {
	message, err := stream.Recv()
	if err != nil {
		return err
	}
	name, err := parseName(message.ResourceName)
	if err != nil {
		return err
	}
	if s.store.has(name.hash, name.size) {
		return stream.SendAndClose(&bytestream.WriteResponse{CommittedSize: name.size})
	}
	upload, err := s.store.write()
	if err != nil {
		return err
	}
	defer upload.abandon()
	if name.isCompressed {
		err = receiveCompressed(&messages{stream: stream, rest: message.Data, isLast: message.FinishWrite}, upload)
	} else {
		_, err = io.Copy(upload, &messages{stream: stream, rest: message.Data, isLast: message.FinishWrite})
	}
	if err != nil {
		return err
	}
	if err := upload.commit(name.hash, name.size); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return stream.SendAndClose(&bytestream.WriteResponse{CommittedSize: name.size})
}

// resourceName is what the name of a resource of ByteStream says.
type resourceName struct {
	hash         string
	size         int64
	isCompressed bool
}

func parseName(name string) (resourceName, error) {
	_, rest, isCompressed := strings.Cut("/"+name, "/compressed-blobs/zstd/")
	found := isCompressed
	if !isCompressed {
		_, rest, found = strings.Cut("/"+name, "/blobs/")
	}
	hash, size, _ := strings.Cut(rest, "/")
	bytes, err := strconv.ParseInt(size, 10, 64)
	if !found || len(hash) != 64 || err != nil {
		return resourceName{}, status.Error(codes.InvalidArgument, "the resource name is malformed")
	}
	return resourceName{hash: hash, size: bytes, isCompressed: isCompressed}, nil
}

func statusOf(err error) *rpcstatus.Status {
	switch {
	case err == nil:
		return &rpcstatus.Status{}
	case errors.Is(err, errAbsent):
		return &rpcstatus.Status{Code: int32(codes.NotFound)}
	case errors.Is(err, errMismatch):
		return &rpcstatus.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
	default:
		return &rpcstatus.Status{Code: int32(codes.Internal), Message: err.Error()}
	}
}
