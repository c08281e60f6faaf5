package main

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

var (
	errAbsent   = errors.New("not found")
	errMismatch = errors.New("the content does not match its digest")
)

// store keeps values in files, named in an index in memory.
type store struct {
	folder   string
	maxBytes int64

	mutex sync.Mutex
	bytes int64
	// used has the most recently used in front.
	used    *list.List
	entries map[string]*list.Element
}

type entry struct {
	key  string
	size int64
}

func newStore(folder string, maxBytes int64) (*store, error) {
	for index := range 256 {
		if err := os.MkdirAll(filepath.Join(folder, fmt.Sprintf("%02x", index)), 0o755); err != nil {
			return nil, err
		}
	}
	s := &store{folder: folder, maxBytes: maxBytes, used: list.New(), entries: map[string]*list.Element{}}
	return s, s.scan()
}

// has tells whether a value is stored, and counts as a use. A negative size is that of any value.
func (s *store) has(key string, size int64) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.use(key, size)
}

// missing returns the places of those that are not stored.
func (s *store) missing(count int, at func(int) (string, int64)) []int {
	var missing []int
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for index := range count {
		if key, size := at(index); !s.use(key, size) {
			missing = append(missing, index)
		}
	}
	return missing
}

func (s *store) use(key string, size int64) bool {
	element := s.entries[key]
	if element == nil || (size >= 0 && element.Value.(*entry).size != size) {
		return false
	}
	s.used.MoveToFront(element)
	return true
}

// open returns the file of a value; nil when it is not stored.
func (s *store) open(key string, size int64) (*os.File, error) {
	if !s.has(key, size) {
		return nil, nil
	}
	return os.Open(s.path(key))
}

// write begins a value, of which nothing is seen until it is committed.
func (s *store) write() (*upload, error) {
	file, err := os.CreateTemp(s.folder, "incoming-*")
	if err != nil {
		return nil, err
	}
	return &upload{store: s, file: file, hash: sha256.New()}, nil
}

// put stores a value that is in memory.
func (s *store) put(key string, content []byte, isVerified bool) error {
	upload, err := s.write()
	if err != nil {
		return err
	}
	defer upload.abandon()
	if _, err := upload.file.Write(content); err != nil {
		return err
	}
	if isVerified {
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != key {
			return errMismatch
		}
	}
	return upload.publish(key, int64(len(content)))
}

// path is where the file of a value is: in a folder of those whose hashes begin alike.
func (s *store) path(key string) string {
	hash := key[strings.LastIndexByte(key, '-')+1:]
	return filepath.Join(s.folder, hash[:2], key)
}

func (s *store) add(key string, size int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if element := s.entries[key]; element != nil {
		s.bytes += size - element.Value.(*entry).size
		element.Value.(*entry).size = size
		s.used.MoveToFront(element)
	} else {
		s.bytes += size
		s.entries[key] = s.used.PushFront(&entry{key: key, size: size})
	}
	for s.bytes > s.maxBytes {
		last := s.used.Back()
		victim := s.used.Remove(last).(*entry)
		delete(s.entries, victim.key)
		s.bytes -= victim.size
		os.Remove(s.path(victim.key))
	}
}

// upload is a value on its way in.
type upload struct {
	store *store
	file  *os.File
	hash  hash.Hash
	size  int64
}

func (u *upload) Write(content []byte) (int, error) {
	u.hash.Write(content)
	u.size += int64(len(content))
	return u.file.Write(content)
}

// commit publishes a blob if it is the one that was announced. A negative size is that of any blob.
func (u *upload) commit(hash string, size int64) error {
	if hex.EncodeToString(u.hash.Sum(nil)) != hash || (size >= 0 && u.size != size) {
		return errMismatch
	}
	return u.publish(hash, u.size)
}

func (u *upload) publish(key string, size int64) error {
	if err := u.file.Sync(); err != nil {
		return err
	}
	if err := u.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(u.file.Name(), u.store.path(key)); err != nil {
		return err
	}
	u.file = nil
	u.store.add(key, size)
	return nil
}

// abandon removes what was not published.
func (u *upload) abandon() {
	if u.file == nil {
		return
	}
	u.file.Close()
	os.Remove(u.file.Name())
	u.file = nil
}

var _ io.Writer = (*upload)(nil)
