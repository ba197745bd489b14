package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucketTries bounds how often a request is repeated before the queue, which waits longer, tries again.
const bucketTries = 3

// bucket is a prefix of an S3 bucket.
type bucket struct {
	s3           *minio.Client
	name, prefix string
}

func openBucket(server S3, name, prefix string) (Place, error) {
	client, err := minio.New(server.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Secure: server.Secure, Region: server.Region, MaxRetries: bucketTries,
	})
	if err != nil {
		return nil, &Error{Kind: BadInput, Message: fmt.Sprintf("S3 server %q", server.Endpoint), Err: err, Hint: "check the settings of the server's credentials"}
	}
	return &bucket{s3: client, name: name, prefix: prefix}, nil
}

// Close has nothing to close.
func (b *bucket) Close() error { return nil }

// List pages through the bucket.
func (b *bucket) List(ctx context.Context, after string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for info := range b.s3.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true, StartAfter: after}) {
			if info.Err != nil {
				yield(Object{}, b.placeError(info.Err))
				return
			}
			if info.Key <= after {
				continue // for a server that does not know how to start behind a key
			}
			if !yield(described(info), nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Object{}, err)
		}
	}
}

func described(info minio.ObjectInfo) Object {
	o := object(info.Key)
	o.Bytes, o.Modified = info.Size, info.LastModified
	// An entity tag alone would do where there is one; a server over plain files may have none.
	o.Version = strconv.FormatInt(info.Size, 10) + " " + strconv.FormatInt(info.LastModified.UnixNano(), 10) + " " + info.ETag
	if strings.HasSuffix(info.Key, "/") {
		o.Skip = "a folder's mark"
	} else {
		o.Skip = leavePath(info.Key)
	}
	return o
}

// placeError says what a list that broke off means for the bucket.
func (b *bucket) placeError(err error) error {
	at := fmt.Sprintf("bucket %s at %s", b.name, b.s3.EndpointURL().Host)
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchBucket:
		return &Error{Kind: BadInput, Message: "there is no " + at, Hint: "make it, or check the name"}
	case minio.AccessDenied, "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled":
		return &Error{Kind: BadInput, Message: at + " may not be listed", Err: err,
			Hint: "check the keys; another server's are given with --credentials"}
	}
	return &Error{Kind: Internal, Message: at + " cannot be listed", Err: err, Hint: "does the S3 server answer?"}
}

// Open opens an object as it was listed.
func (b *bucket) Open(ctx context.Context, o Object) (io.ReadCloser, error) {
	r, info, _, err := (&minio.Core{Client: b.s3}).GetObject(ctx, b.name, o.open, minio.GetObjectOptions{})
	if err != nil {
		resp := minio.ToErrorResponse(err)
		switch {
		case resp.StatusCode == http.StatusNotFound:
			return nil, ErrChanging
		case resp.StatusCode == http.StatusForbidden:
			return nil, &Error{Kind: Internal, Message: "the object may not be read", Err: err, Hint: "give the keys the right to read it; objects in an archive tier must be restored"}
		}
		return nil, &Error{Kind: Internal, Message: "the object cannot be read", Err: err}
	}
	if info.Size != o.Bytes || !strings.HasSuffix(o.Version, " "+info.ETag) {
		return nil, errors.Join(ErrChanging, r.Close())
	}
	return r, nil
}
