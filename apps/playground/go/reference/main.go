// Command reference is a build cache as plain as it can be in Go: grpc-go and net/http over a folder of files and an index in
// memory. It stands beside the servers that are measured to show what the same calls cost there; nobody should run it.
//
// It verifies what is stored, syncs it to disk, and evicts the least recently used. It does not verify what it reads, looks at
// all files when it starts to have its index again, and has none of the limits that keep a server alive.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"

	remoteexecution "github.com/bazelbuild/remote-apis/build/bazel/remote/execution/v2"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
)

// cacheServer is what answers the calls that caches answer.
type cacheServer interface {
	remoteexecution.ActionCacheServer
	remoteexecution.ContentAddressableStorageServer
	bytestream.ByteStreamServer
}

func main() {
	folder := flag.String("dir", "", "where the files are")
	maxBytes := flag.Int64("max-bytes", 16<<30, "what they may come to")
	grpcAddress := flag.String("grpc", "127.0.0.1:8980", "where gRPC is served")
	httpAddress := flag.String("http", "127.0.0.1:8981", "where HTTP is served")
	isAsBazelRemote := flag.Bool("as-bazel-remote", false, "take the steps that bazel-remote takes")
	flag.Parse()

	store, err := newStore(*folder, *maxBytes)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *grpcAddress)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(8 << 20))
	var calls cacheServer = &service{store: store}
	var requests http.Handler = &files{store: store}
	if *isAsBazelRemote {
		calls, requests = asBazelRemote{&service{store: store}}, filesAsBazelRemote{&files{store: store}}
	}
	remoteexecution.RegisterActionCacheServer(server, calls)
	remoteexecution.RegisterContentAddressableStorageServer(server, calls)
	bytestream.RegisterByteStreamServer(server, calls)
	go func() { log.Fatal(http.ListenAndServe(*httpAddress, requests)) }()
	log.Fatal(server.Serve(listener))
}
