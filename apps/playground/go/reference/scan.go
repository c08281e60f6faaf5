package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// found is a file that was there at the start.
type found struct {
	entry
	used time.Time
}

// scan builds the index from the files that are there, of which those modified last count as used last.
func (s *store) scan() error {
	var (
		folders sync.WaitGroup
		perOne  [256][]found
		errs    [256]error
	)
	for index := range perOne {
		folders.Go(func() { perOne[index], errs[index] = scanFolder(filepath.Join(s.folder, fmt.Sprintf("%02x", index))) })
	}
	folders.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	all := slices.Concat(perOne[:]...)
	slices.SortFunc(all, func(left, right found) int { return left.used.Compare(right.used) })
	for _, file := range all {
		s.add(file.key, file.size)
	}
	return nil
}

func scanFolder(path string) ([]found, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	files := make([]found, 0, len(entries))
	for _, listed := range entries {
		info, err := listed.Info()
		if err != nil {
			return nil, err
		}
		files = append(files, found{entry{listed.Name(), info.Size()}, info.ModTime()})
	}
	return files, nil
}
