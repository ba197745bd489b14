package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

var problemType = reflect.TypeFor[api.Problem]()

// statusClientGone is what servers write down when nobody waits for the answer any more.
const statusClientGone = 499

// problem makes a problem; its title is what the status means.
func problem(status int, code, hint, format string, args ...any) *api.Problem {
	return &api.Problem{Title: title(status), Status: status, Code: code, Hint: hint, Detail: fmt.Sprintf(format, args...)}
}

func title(status int) string {
	if t := http.StatusText(status); t != "" {
		return t
	}
	return "Request ended early"
}

// asProblem turns the errors that huma itself makes, mostly about parameters, into the
// problems that the interface promises.
func asProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &api.Problem{Title: title(m.Status), Status: m.Status, Detail: m.Detail, Code: codeOf(m.Status)}
	for _, e := range m.Errors {
		p.Errors = append(p.Errors, api.ProblemField{Location: e.Location, Message: e.Message})
	}
	return p, nil
}

func codeOf(status int) string {
	switch {
	case status == http.StatusNotFound:
		return api.CodeNotFound
	case status == http.StatusMethodNotAllowed:
		return api.CodeNotAllowed
	case status == http.StatusRequestEntityTooLarge:
		return api.CodeTooLarge
	case status == http.StatusUnsupportedMediaType:
		return api.CodeUnsupported
	case status >= 500:
		return api.CodeInternal
	}
	return api.CodeBadInput
}

// problemOf says what an error of the parts below means to the one who asked. What it
// does not know is our fault: it is logged, and told without details.
func (s *server) problemOf(ctx context.Context, err error) error {
	var p *api.Problem
	switch {
	case errors.As(err, &p):
		return p
	case ctx.Err() != nil:
		return problem(statusClientGone, api.CodeCancelled, "", "the request was ended before its answer")
	case errors.Is(err, store.ErrNotFound), errors.Is(err, blob.ErrNotFound):
		return problem(http.StatusNotFound, api.CodeNotFound, "GET /v1/documents lists what there is", "%s", plain(err))
	case errors.Is(err, store.ErrFinal):
		return problem(http.StatusConflict, api.CodeFinal, "submit the document again to have it read again", "%s", plain(err))
	case errors.Is(err, store.ErrConflict):
		return problem(http.StatusConflict, api.CodeConflict, "use another Idempotency-Key for another request", "%s", plain(err))
	case errors.Is(err, store.ErrInvalid), errors.Is(err, blob.ErrInvalid):
		return problem(http.StatusBadRequest, api.CodeBadInput, "", "%s", plain(err))
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, blob.ErrUnavailable):
		// An outage passes: clients are told that trying again will help.
		s.Log.Warn("request met an outage", "error", err)
		return problem(http.StatusServiceUnavailable, api.CodeUnavailable, "try again in a moment, with the same Idempotency-Key", "database or object store does not answer")
	}
	s.Log.Error("request failed", "error", err)
	return problem(http.StatusInternalServerError, api.CodeInternal, "the server's log says more; `palimpsest doctor` looks for what is wrong", "something failed that should not")
}

// plain is an error's message without the name of the package that says it.
func plain(err error) string {
	s := err.Error()
	for _, prefix := range []string{"store: ", "blob: "} {
		if len(s) > len(prefix) && s[:len(prefix)] == prefix {
			return s[len(prefix):]
		}
	}
	return s
}

// writeProblem answers where huma is not in charge.
func writeProblem(w http.ResponseWriter, p *api.Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	// Nothing can be done when the other side is gone.
	_ = json.NewEncoder(w).Encode(p)
}
