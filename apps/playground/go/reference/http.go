package main

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// files serves blobs over HTTP, under /cas/.
type files struct {
	store *store
}

func (f *files) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	hash, found := strings.CutPrefix(request.URL.Path, "/cas/")
	if !found || len(hash) != 64 {
		http.Error(response, "not found", http.StatusNotFound)
		return
	}
	switch request.Method {
	case http.MethodGet, http.MethodHead:
		f.get(response, request, hash)
	case http.MethodPut:
		f.put(response, request, hash)
	default:
		http.Error(response, "method not allowed", http.StatusMethodNotAllowed)
	}
}

func (f *files) get(response http.ResponseWriter, request *http.Request, hash string) {
	file, err := f.store.open(hash, -1)
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	if file == nil {
		http.Error(response, "not found", http.StatusNotFound)
		return
	}
	defer file.Close()
	response.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(response, request, "", time.Time{}, file)
}

func (f *files) put(response http.ResponseWriter, request *http.Request, hash string) {
	upload, err := f.store.write()
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	defer upload.abandon()
	if _, err = io.Copy(upload, request.Body); err == nil {
		err = upload.commit(hash, -1)
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
	}
}
