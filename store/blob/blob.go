// Package blob keeps objects in an S3 store under the SHA-256 of their content. An object is written before the commit
// that names it, is never changed, and may be written any number of times; what no commit has named is removed by a
// sweep (sweep.go). Beside the objects, published copies with readable paths and a manifest for each document let
// people use the results with any S3 tool (publish.go).
package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"palimpsest.dev/internal/failpoint"
)

// Errors callers act upon; test with errors.Is.
var (
	// ErrNotFound: no object has this hash.
	ErrNotFound = errors.New("no such object")
	// ErrTooLarge: the content is longer than PutOptions.MaxBytes.
	ErrTooLarge = errors.New("too large")
	// ErrCorrupt: an object's content does not have the hash it is stored under.
	ErrCorrupt = errors.New("content does not match its hash")
	// ErrUnavailable: the server did not answer, broke off or said that it is in trouble, after the client's own
	// repetitions. Whether a write came through is not known; every call may be made again. It says nothing about the
	// object at hand, so whoever waits loses nothing.
	ErrUnavailable = errors.New("object store is not available")
	// ErrInvalid: the caller's hash, path or option is malformed.
	ErrInvalid = errors.New("invalid")
)

// Locker gives one lock for each hash to the sweep and to a writer that finds its object already there. The
// database's advisory locks serve several processes (store.BlobLocks).
type Locker interface {
	Lock(ctx context.Context, hash string) (unlock func(), err error)
}

// Config says where the objects are.
type Config struct {
	Endpoint  string // host:port
	AccessKey string
	SecretKey string
	Bucket    string // made when missing
	Region    string
	Secure    bool   // TLS
	Prefix    string // before every key, without slashes at its ends; may be empty

	Locker  Locker // nil: locks of this process only, which is wrong as soon as two processes share a bucket
	TempDir string // for uploads on their way; empty means the system's

	Now func() time.Time // nil means time.Now; tests set it to make objects old
}

// Store is an object store. It is safe for concurrent use.
type Store struct {
	s3     *minio.Client
	bucket string
	prefix string
	locker Locker
	temp   string
	now    func() time.Time
}

// Object says what was stored.
type Object struct {
	Hash      string // SHA-256 in hex
	Bytes     int64
	MediaType string
	Modified  time.Time // when it was last written; zero from Put
}

const (
	// renewAfter is the age beyond which an object that is written again is really written again, so that the sweep
	// sees it as young. It is far below MinSweepAge, which leaves jobs the time between to name it.
	renewAfter = time.Hour
	// wholeUpTo is the size up to which an object goes over in one request.
	wholeUpTo = 64 << 20
)

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Open connects to the store and makes its bucket when that is missing.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Endpoint == "" || c.Bucket == "" {
		return nil, fmt.Errorf("blob: endpoint %q, bucket %q: both are needed: %w", c.Endpoint, c.Bucket, ErrInvalid)
	}
	client, err := minio.New(c.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Secure: c.Secure, Region: c.Region,
	})
	if err != nil {
		return nil, fmt.Errorf("blob: %s: %w", c.Endpoint, err)
	}
	s := &Store{s3: client, bucket: c.Bucket, prefix: strings.Trim(c.Prefix, "/"), locker: c.Locker, temp: c.TempDir, now: c.Now}
	if s.prefix != "" {
		s.prefix += "/"
	}
	if s.locker == nil {
		s.locker = new(localLocks)
	}
	if s.now == nil {
		s.now = time.Now
	}
	there, err := client.BucketExists(ctx, c.Bucket)
	if err != nil {
		return nil, fmt.Errorf("blob: bucket %s at %s: %w", c.Bucket, c.Endpoint, told(ctx, err))
	}
	if !there {
		err := client.MakeBucket(ctx, c.Bucket, minio.MakeBucketOptions{Region: c.Region})
		if code := minio.ToErrorResponse(err).Code; err != nil && code != "BucketAlreadyOwnedByYou" && code != "BucketAlreadyExists" {
			return nil, fmt.Errorf("blob: make bucket %s at %s: %w", c.Bucket, c.Endpoint, err)
		}
	}
	return s, nil
}

// Ping reports whether the store answers.
func (s *Store) Ping(ctx context.Context) error {
	there, err := s.s3.BucketExists(ctx, s.bucket)
	if err == nil && !there {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("blob: bucket %s at %s: %w", s.bucket, s.s3.EndpointURL().Host, told(ctx, err))
	}
	return nil
}

// Key is where an object lies: prefix/objects/ab/abcdef... No key is ever the directory of another, because stores
// that keep plain files cannot have both.
func (s *Store) Key(hash string) string { return s.prefix + "objects/" + hash[:2] + "/" + hash }

// PutOptions bound and describe content.
type PutOptions struct {
	MaxBytes  int64  // more is ErrTooLarge; 0 means no bound
	MediaType string // empty: application/octet-stream
}

// Put stores what r gives. The content goes to a temporary file first, because its hash, which is its key, is known
// only at its end; nothing is stored unless all of it was read. Storing what is there already is cheap and counts as
// a use: the sweep will leave the object alone for as long as if it were new.
func (s *Store) Put(ctx context.Context, r io.Reader, o PutOptions) (Object, error) {
	f, err := os.CreateTemp(s.temp, "palimpsest-put-*")
	if err != nil {
		return Object{}, fmt.Errorf("blob: put: %w", err)
	}
	defer f.Close()
	// The open file needs no name; without one it cannot be left behind.
	if err := os.Remove(f.Name()); err != nil {
		return Object{}, fmt.Errorf("blob: put: %w", err)
	}
	if o.MaxBytes > 0 {
		r = io.LimitReader(r, o.MaxBytes+1)
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), r)
	if err != nil {
		return Object{}, fmt.Errorf("blob: put: read: %w", err)
	}
	if o.MaxBytes > 0 && n > o.MaxBytes {
		return Object{}, fmt.Errorf("blob: put: more than %d bytes: %w", o.MaxBytes, ErrTooLarge)
	}
	return s.put(ctx, f, hex.EncodeToString(h.Sum(nil)), n, o.MediaType)
}

// PutBytes stores content that is in memory.
func (s *Store) PutBytes(ctx context.Context, b []byte, mediaType string) (Object, error) {
	sum := sha256.Sum256(b)
	return s.put(ctx, bytes.NewReader(b), hex.EncodeToString(sum[:]), int64(len(b)), mediaType)
}

func (s *Store) put(ctx context.Context, content io.ReadSeeker, hash string, n int64, mediaType string) (Object, error) {
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	o := Object{Hash: hash, Bytes: n, MediaType: mediaType}
	// Most content that is written again was written a moment ago, before a crash or by a neighbour: ask first.
	_, err := s.Stat(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		err = s.write(ctx, content, o, true)
		if err == nil {
			failpoint.Here(failpoint.ObjectWritten)
			return o, nil
		}
		if minio.ToErrorResponse(err).StatusCode != http.StatusPreconditionFailed {
			return Object{}, fmt.Errorf("blob: put %s: %w", hash, told(ctx, err))
		}
	} else if err != nil {
		return Object{}, err
	}
	if err := s.renew(ctx, content, o); err != nil {
		return Object{}, err
	}
	return o, nil
}

// renew makes sure, under the lock the sweep takes, that an object found there is still there and is young.
func (s *Store) renew(ctx context.Context, content io.ReadSeeker, o Object) error {
	unlock, err := s.locker.Lock(ctx, o.Hash)
	if err != nil {
		return fmt.Errorf("blob: put %s: lock: %w", o.Hash, err)
	}
	defer unlock()
	failpoint.Here(failpoint.ObjectRenewing)
	there, err := s.Stat(ctx, o.Hash)
	switch {
	case err == nil && there.Bytes == o.Bytes && s.now().Sub(there.Modified) < renewAfter:
		return nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	if err := s.write(ctx, content, o, false); err != nil {
		return fmt.Errorf("blob: put %s: %w", o.Hash, told(ctx, err))
	}
	return nil
}

// write sends the content; with once set the store refuses where the key is taken.
func (s *Store) write(ctx context.Context, content io.ReadSeeker, o Object, once bool) error {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	opts := minio.PutObjectOptions{ContentType: o.MediaType, DisableMultipart: o.Bytes <= wholeUpTo}
	// An empty body goes unsigned: signed in chunks it still has a closing chunk, which versitygw leaves unread and
	// then takes for the next request on the connection.
	opts.DisableContentSha256 = o.Bytes == 0
	if once {
		opts.SetMatchETagExcept("*")
	}
	_, err := s.s3.PutObject(ctx, s.bucket, s.Key(o.Hash), content, o.Bytes, opts)
	return err
}

// Stat describes an object, or is ErrNotFound.
func (s *Store) Stat(ctx context.Context, hash string) (Object, error) {
	if !hashForm.MatchString(hash) {
		return Object{}, fmt.Errorf("blob: %.80q is not a hash: %w", hash, ErrInvalid)
	}
	info, err := s.s3.StatObject(ctx, s.bucket, s.Key(hash), minio.StatObjectOptions{})
	if err != nil {
		return Object{}, fmt.Errorf("blob: stat %s: %w", hash, told(ctx, err))
	}
	return Object{Hash: hash, Bytes: info.Size, MediaType: info.ContentType, Modified: info.LastModified}, nil
}

// Get opens an object. Its content is hashed on the way: the last Read gives ErrCorrupt instead of io.EOF when it is
// not what was stored.
func (s *Store) Get(ctx context.Context, hash string) (io.ReadCloser, error) {
	if !hashForm.MatchString(hash) {
		return nil, fmt.Errorf("blob: %.80q is not a hash: %w", hash, ErrInvalid)
	}
	r, _, _, err := (&minio.Core{Client: s.s3}).GetObject(ctx, s.bucket, s.Key(hash), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("blob: get %s: %w", hash, told(ctx, err))
	}
	return &verified{ctx: ctx, r: r, want: hash, h: sha256.New()}, nil
}

// Bytes reads an object of at most max bytes into memory.
func (s *Store) Bytes(ctx context.Context, hash string, max int64) ([]byte, error) {
	r, err := s.Get(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("blob: get %s: more than %d bytes: %w", hash, max, ErrTooLarge)
	}
	return b, nil
}

// verified hashes what passes through and objects at the end.
type verified struct {
	ctx  context.Context // the one of Get, which bounds the reading as well
	r    io.ReadCloser
	want string
	h    hash.Hash
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.h.Write(p[:n])
	switch {
	case err == nil:
	case err != io.EOF:
		err = fmt.Errorf("blob: get %s: %w", v.want, told(v.ctx, err))
	case hex.EncodeToString(v.h.Sum(nil)) != v.want:
		err = fmt.Errorf("blob: get %s: %w", v.want, ErrCorrupt)
	}
	return n, err
}

func (v *verified) Close() error { return v.r.Close() }

// told says in our terms what an error of the client means, where we have a term for it.
func told(ctx context.Context, err error) error {
	var answer minio.ErrorResponse
	var request *url.Error
	var network net.Error
	switch {
	case ctx.Err() != nil: // whatever else it says, the caller has ended it
		return err
	case errors.As(err, &answer) && answer.StatusCode != 0:
		switch code := answer.StatusCode; {
		case code == http.StatusNotFound || answer.Code == "NoSuchKey":
			return ErrNotFound
		case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests,
			code >= http.StatusInternalServerError && code != http.StatusNotImplemented:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	case errors.As(err, &request), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// localLocks serves one process.
type localLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

func (l *localLocks) Lock(ctx context.Context, hash string) (func(), error) {
	for {
		l.mu.Lock()
		busy, taken := l.held[hash]
		if !taken {
			mine := make(chan struct{})
			if l.held == nil {
				l.held = map[string]chan struct{}{}
			}
			l.held[hash] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, hash)
				l.mu.Unlock()
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
