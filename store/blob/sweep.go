package blob

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"palimpsest.dev/internal/failpoint"
)

// MinSweepAge is the least age of an unnamed object that a sweep may remove: longer than any upload or job may last,
// because either may hold an object that its commit will name.
const MinSweepAge = 24 * time.Hour

// sweepBatch is how many objects are asked about at once.
const sweepBatch = 500

// Named tells which of the hashes are named by something (store.Named).
type Named func(ctx context.Context, hashes []string) (map[string]bool, error)

// Swept says what a sweep did.
type Swept struct {
	Seen, Removed int
	Bytes         int64 // removed
}

// Sweep removes the objects that nothing names and that were last written more than olderThan ago. Named is asked
// about hashes in batches and returns those that are named (store.Named). Whoever writes an object that is already
// there takes the same lock as its removal and makes it young again, so a removal either comes before that, and the
// writer writes it anew, or sees a young object and leaves it.
func (s *Store) Sweep(ctx context.Context, named Named, olderThan time.Duration) (Swept, error) {
	if olderThan < MinSweepAge {
		return Swept{}, fmt.Errorf("blob: sweep of objects older than %v: jobs may hold objects for %v: %w", olderThan, MinSweepAge, ErrInvalid)
	}
	return s.sweep(ctx, named, s.now().Add(-olderThan))
}

func (s *Store) sweep(ctx context.Context, named Named, before time.Time) (Swept, error) {
	var done Swept
	var batch []string
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		known, err := named(ctx, batch)
		if err != nil {
			return fmt.Errorf("blob: sweep: %w", err)
		}
		failpoint.Here(failpoint.SweepListed)
		for _, hash := range batch {
			if known[hash] {
				continue
			}
			n, err := s.removeUnnamed(ctx, hash, named, before)
			if err != nil {
				return err
			}
			if n >= 0 {
				done.Removed++
				done.Bytes += n
			}
		}
		batch = batch[:0]
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing when we leave early
	for info := range s.s3.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + "objects/", Recursive: true}) {
		if info.Err != nil {
			return done, fmt.Errorf("blob: sweep: list: %w", told(ctx, info.Err))
		}
		hash := info.Key[strings.LastIndexByte(info.Key, '/')+1:]
		if !hashForm.MatchString(hash) || info.Key != s.Key(hash) {
			continue // not ours
		}
		done.Seen++
		if info.LastModified.Before(before) {
			batch = append(batch, hash)
		}
		if len(batch) == sweepBatch {
			if err := flush(); err != nil {
				return done, err
			}
		}
	}
	return done, flush()
}

// removeUnnamed removes one object under its lock, having looked again. It returns its size, or -1 if it stays.
func (s *Store) removeUnnamed(ctx context.Context, hash string, named Named, before time.Time) (int64, error) {
	unlock, err := s.locker.Lock(ctx, hash)
	if err != nil {
		return -1, fmt.Errorf("blob: sweep %s: lock: %w", hash, err)
	}
	defer unlock()
	o, err := s.Stat(ctx, hash)
	if errors.Is(err, ErrNotFound) || err == nil && !o.Modified.Before(before) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	known, err := named(ctx, []string{hash})
	if err != nil {
		return -1, fmt.Errorf("blob: sweep %s: %w", hash, err)
	}
	if known[hash] {
		return -1, nil
	}
	failpoint.Here(failpoint.SweepRemoving)
	if err := s.s3.RemoveObject(ctx, s.bucket, s.Key(hash), minio.RemoveObjectOptions{}); err != nil {
		return -1, fmt.Errorf("blob: sweep %s: %w", hash, told(ctx, err))
	}
	failpoint.Here(failpoint.SweepRemoved)
	return o.Bytes, nil
}
