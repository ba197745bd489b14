package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// An outage passes, a fault of ours does not: clients try again after the one and not after the other.
func TestAnOutageIsNoFaultOfTheRequest(t *testing.T) {
	t.Parallel()
	s := &server{Config: Config{Log: slog.New(slog.DiscardHandler)}}
	for _, c := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("store: submit: %w: connection refused", store.ErrUnavailable), http.StatusServiceUnavailable},
		{fmt.Errorf("storing %q: %w: connection refused", "a.pdf", blob.ErrUnavailable), http.StatusServiceUnavailable},
		{errors.New("something else"), http.StatusInternalServerError},
	} {
		var p *api.Problem
		if err := s.problemOf(t.Context(), c.err); !errors.As(err, &p) || p.Status != c.status {
			t.Errorf("%v: answered %v, want status %d", c.err, err, c.status)
		}
	}
}
