package blob

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"testing"

	"github.com/minio/minio-go/v7"
)

func TestWhatAnErrorOfTheClientMeans(t *testing.T) {
	t.Parallel()
	status := func(code int, name string) error { return minio.ErrorResponse{StatusCode: code, Code: name} }
	other := errors.New("other")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want error // nil: as it is
	}{
		"no such key":          {t.Context(), status(404, "NoSuchKey"), ErrNotFound},
		"internal error":       {t.Context(), status(500, "InternalError"), ErrUnavailable},
		"bad gateway":          {t.Context(), status(502, ""), ErrUnavailable},
		"slow down":            {t.Context(), status(503, "SlowDown"), ErrUnavailable},
		"disk full":            {t.Context(), status(507, ""), ErrUnavailable},
		"too many requests":    {t.Context(), status(429, ""), ErrUnavailable},
		"request timeout":      {t.Context(), status(408, "RequestTimeout"), ErrUnavailable},
		"not implemented":      {t.Context(), status(501, "NotImplemented"), nil},
		"access denied":        {t.Context(), status(403, "AccessDenied"), nil},
		"precondition failed":  {t.Context(), status(412, "PreconditionFailed"), nil},
		"refused by ourselves": {t.Context(), minio.ErrorResponse{Code: "InvalidArgument", StatusCode: 400}, nil},
		"connection refused":   {t.Context(), &url.Error{Op: "Put", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}, ErrUnavailable},
		"connection reset":     {t.Context(), &net.OpError{Op: "read", Err: errors.New("reset")}, ErrUnavailable},
		"body cut short":       {t.Context(), io.ErrUnexpectedEOF, ErrUnavailable},
		"own temporary file":   {t.Context(), &os.PathError{Op: "read", Err: other}, nil},
		"something else":       {t.Context(), other, nil},
		"cancelled":            {ended, &url.Error{Op: "Get", Err: context.Canceled}, nil},
	} {
		got := told(c.ctx, c.err)
		if c.want == nil && got != c.err || c.want != nil && !errors.Is(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
