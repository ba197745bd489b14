// Package sources lists and opens what lies in a folder of this machine or under a prefix of an S3 bucket, for the scans
// of package ingest. Both are untrusted: a folder is read below a root that the operator allowed and nowhere else,
// links are not followed, what is no regular file is not opened, and every list has a bound.
package sources

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what is listed.
const (
	// MaxKeyBytes bounds a key: what S3 allows, and what the store keeps.
	MaxKeyBytes = 1 << 10
	// MaxFolderEntries bounds the entries of one folder, which are sorted in memory.
	MaxFolderEntries = 100_000
	// MaxDepth bounds how deep folders lie in one another.
	MaxDepth = 64
	// DefaultSettle is how long a file must have been left alone before it is taken to be whole.
	DefaultSettle = 30 * time.Second
)

// ErrChanging: the object is not what was listed any more; somebody is writing it. The next scan will find it whole.
var ErrChanging = errors.New("changed while it was being read")

// The kinds of Error, which are those of store.Failure.
const (
	BadInput = "bad_input" // the place or the object is not as it must be; trying again will not help
	TooLarge = "too_large" // a limit was passed
	Internal = "internal"  // it may work the next time
)

// Error says why a place or an object cannot be read.
type Error struct {
	Kind    string
	Message string
	Hint    string
	Limit   string // name of the limit that was passed
	Err     error
}

// Error tells what went wrong; the hint is kept apart.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Object is one thing listed.
type Object struct {
	Key      string // name in the bucket, or path below the folder with slashes; always text of at most MaxKeyBytes
	Mark     string // what List takes to go on behind this object; empty where that cannot be written down
	Name     string // file name
	Version  string // equal means that the content is taken to be the same
	Bytes    int64
	Modified time.Time
	Skip     string // why it is left alone; empty: it is to be taken
	Err      *Error // why it cannot be taken
	Folder   bool   // with Err: a folder that could not be listed, so that what lies below it is not known

	open string // what Open needs: the key as it is
}

// Place is an open folder or bucket.
type Place interface {
	// List gives what is there in the order of the keys' bytes, only what comes behind the mark after. An error ends
	// it and concerns the whole place; what concerns one object is in the object.
	List(ctx context.Context, after string) iter.Seq2[Object, error]
	// Open opens an object that List gave. Its last Read is ErrChanging where it is not what was listed.
	Open(ctx context.Context, o Object) (io.ReadCloser, error)
	Close() error
}

// S3 is an S3 server.
type S3 struct {
	Endpoint  string // host:port
	AccessKey string // empty: anonymous
	SecretKey string
	Region    string
	Secure    bool // TLS
}

// Places knows what may be read here.
type Places struct {
	// Roots are the folders that sources may lie in. None: no folder may be read.
	Roots []string
	// Own is the server that keeps this installation's objects, and OwnBucket their bucket, which is no source: what
	// is made of pages would be taken for documents, without end.
	Own       S3
	OwnBucket string
	// Named finds the server that the operator gave a name, with the keys to it. It may be nil.
	Named func(name string) (S3, error)
	// Settle is how long a file must have been left alone; 0 means DefaultSettle, negative not at all.
	Settle time.Duration
	Now    func() time.Time // nil means time.Now
}

const bucketScheme = "s3://"

var bucketForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`)

// Resolve checks that a location may be read and gives it in its one form: s3://bucket/prefix, or a clean absolute
// path. Credentials name an S3 server; empty means Own.
func (p Places) Resolve(location, credentials string) (string, error) {
	if strings.HasPrefix(location, bucketScheme) {
		bucket, prefix := splitBucket(location)
		if !bucketForm.MatchString(bucket) || !storable(prefix) {
			return "", &Error{Kind: BadInput, Message: fmt.Sprintf("location %.80q is not like s3://bucket/prefix", location)}
		}
		server, err := p.server(credentials)
		if err != nil {
			return "", err
		}
		if bucket == p.OwnBucket && server.Endpoint == p.Own.Endpoint {
			return "", &Error{Kind: BadInput, Message: fmt.Sprintf("bucket %s holds this installation's own objects", bucket),
				Hint: "keep what is to be read in a bucket of its own"}
		}
		if prefix == "" {
			return bucketScheme + bucket, nil
		}
		return bucketScheme + bucket + "/" + prefix, nil
	}
	if credentials != "" {
		return "", &Error{Kind: BadInput, Message: "credentials are for s3:// locations only"}
	}
	_, _, err := p.root(location)
	return filepath.Clean(location), err
}

// Open opens a location.
func (p Places) Open(location, credentials string) (Place, error) {
	location, err := p.Resolve(location, credentials)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(location, bucketScheme) {
		server, err := p.server(credentials)
		if err != nil {
			return nil, err
		}
		bucket, prefix := splitBucket(location)
		return openBucket(server, bucket, prefix)
	}
	return p.openFolder(location)
}

func splitBucket(location string) (bucket, prefix string) {
	bucket, prefix, _ = strings.Cut(strings.TrimPrefix(location, bucketScheme), "/")
	return bucket, prefix
}

func (p Places) server(credentials string) (S3, error) {
	switch {
	case credentials == "":
		return p.Own, nil
	case p.Named == nil:
		return S3{}, &Error{Kind: BadInput, Message: fmt.Sprintf("no credentials are named %.80q here", credentials)}
	}
	return p.Named(credentials)
}

// root finds the allowed root a folder lies in, the longest if several hold it, and its path below that.
func (p Places) root(location string) (root, below string, err error) {
	if !filepath.IsAbs(location) {
		return "", "", &Error{Kind: BadInput, Message: fmt.Sprintf("folder %.200q is not an absolute path", location)}
	}
	for _, r := range p.Roots {
		if rel, err := filepath.Rel(r, location); err == nil && filepath.IsLocal(rel) && len(r) > len(root) {
			root, below = r, rel
		}
	}
	if root != "" {
		return root, below, nil
	}
	allowed := "none is allowed"
	if len(p.Roots) > 0 {
		allowed = "allowed: " + strings.Join(p.Roots, ", ")
	}
	return "", "", &Error{Kind: BadInput, Message: fmt.Sprintf("folder %.200q may not be read by this server (%s)", location, allowed),
		Hint: "the operator allows folders with --source-root DIR or PALIMPSEST_SOURCE_ROOTS, for every process that serves or works"}
}

// Probe lists the first object of a place, to see that it can be read.
func Probe(ctx context.Context, p Place) error {
	for _, err := range p.List(ctx, "") {
		return err
	}
	return nil
}

func (p Places) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// unfinished are the endings that programs give to files they are still writing, or that are no documents.
var unfinished = []string{".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", ".lock", "~"}

// leave says why a file or folder of this name is left alone; empty where it is not.
func leave(name string) string {
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, "."):
		return "hidden"
	case strings.HasPrefix(name, "~$"), lower == "thumbs.db", lower == "desktop.ini",
		slices.ContainsFunc(unfinished, func(end string) bool { return strings.HasSuffix(lower, end) }):
		return "temporary"
	}
	return ""
}

// leavePath is leave for every part of a key.
func leavePath(key string) string {
	for part := range strings.SplitSeq(key, "/") {
		if why := leave(part); why != "" {
			return why
		}
	}
	return ""
}

// storable reports whether a key can be kept and come back as it was.
func storable(key string) bool {
	return len(key) <= MaxKeyBytes && utf8.ValidString(key) && strings.IndexByte(key, 0) < 0
}

// object begins the description of a key. One that cannot be kept gets a readable stand-in, unlike any other's, and an
// error.
func object(key string) Object {
	o := Object{Key: key, Mark: key, Name: path.Base(key), open: key}
	if storable(key) {
		return o
	}
	const room = MaxKeyBytes - 32
	shown := strings.ReplaceAll(strings.ToValidUTF8(key, "\uFFFD"), "\x00", "\uFFFD")
	for len(shown) > room {
		_, size := utf8.DecodeLastRuneInString(shown)
		shown = shown[:len(shown)-size]
	}
	sum := sha256.Sum256([]byte(key))
	o.Key, o.Mark = shown+" #"+hex.EncodeToString(sum[:8]), ""
	o.Err = &Error{Kind: BadInput, Message: "the name is not valid UTF-8", Hint: "rename the file"}
	if len(key) > MaxKeyBytes {
		o.Err = &Error{Kind: TooLarge, Limit: "key_bytes", Message: fmt.Sprintf("the path has %d bytes, at most %d", len(key), MaxKeyBytes),
			Hint: "shorten the names of its folders"}
	}
	return o
}
