package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"palimpsest.dev/engine"
	"palimpsest.dev/ingest/sources"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// Failure is the reason a page or a document failed, in the words a person
// gets to see.
type Failure struct {
	store.Failure
	Final bool // trying again will not help, whatever the kind says
}

// Error makes a Failure an error.
func (f *Failure) Error() string {
	if f.Hint == "" {
		return string(f.Kind) + ": " + f.Message
	}
	return string(f.Kind) + ": " + f.Message + "; " + f.Hint
}

// Classify says of what kind an error is. It is the only place where errors
// of render, engine, task and the host become kinds and hints.
func Classify(err error) Failure {
	var (
		failure  *Failure
		rendered *render.Error
		model    *modelError
		late     *lateError
		place    *sources.Error
	)
	switch {
	case errors.As(err, &failure):
		return *failure
	case errors.As(err, &place):
		return ofSource(place)
	case errors.As(err, &rendered):
		return ofRender(rendered)
	case errors.As(err, &late):
		return fail(true, store.Failure{Kind: store.KindTooLarge, Message: late.Error(), Page: late.Page,
			Limit: late.Limit,
			Hint:  "read the page with a smaller model or on more cores, or split the document"})
	case errors.As(err, &model):
		return fail(model.Final || errors.Is(err, engine.ErrRequest),
			store.Failure{Kind: cmp.Or(model.Kind, store.KindModel), Message: model.Error(), Hint: model.Hint, Page: model.Page})
	case errors.Is(err, task.ErrQuarantined):
		return fail(true, store.Failure{Kind: store.KindInternal, Message: err.Error(),
			Hint: "the log has what the plugin said before it died; run the page again after mending the plugin"})
	case errors.Is(err, task.ErrNonsense), errors.Is(err, task.ErrMessage):
		return fail(true, store.Failure{Kind: store.KindInternal, Message: err.Error(),
			Hint: "this is an error of the plugin: tell its author, with the page"})
	case errors.Is(err, task.ErrInvalid):
		return fail(true, store.Failure{Kind: store.KindBadInput, Message: err.Error(),
			Hint: "check the options given, and the task's entry in the model's palimpsest.json"})
	}
	return fail(false, store.Failure{Kind: store.KindInternal, Message: err.Error(), Hint: hintInternal})
}

// hintInternal is what to do about a failure of ours that nothing more is
// known of.
const hintInternal = "run `palimpsest doctor`; the log has more"

func fail(final bool, f store.Failure) Failure { return Failure{Failure: f, Final: final} }

// ofRender maps an error of the renderer, whose kinds are ours.
func ofRender(r *render.Error) Failure {
	plain := *r
	plain.Hint = "" // it has a place of its own
	f := fail(false, store.Failure{Kind: store.Kind(r.Kind), Message: plain.Error(), Hint: r.Hint, Limit: r.Limit, Page: r.Page})
	if !slices.Contains(store.Kinds, f.Kind) {
		f.Kind = store.KindInternal
	}
	if errors.Is(r.Err, fs.ErrNotExist) || errors.Is(r.Err, fs.ErrPermission) {
		f.Kind = store.KindBadInput // the name is wrong, or the file is not ours to read
	}
	if f.Hint == "" && f.Kind == store.KindInternal {
		f.Hint = hintInternal
	}
	f.Final = !f.Kind.Retryable()
	return f
}

// modelError says that the model could not be asked or did not answer.
type modelError struct {
	Page  int        // 0: not this page, any
	Kind  store.Kind // "" for KindModel
	Err   error
	Hint  string
	Final bool // trying again will not help
}

func (e *modelError) Error() string {
	if e.Page == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("page %d: %v", e.Page, e.Err)
}
func (e *modelError) Unwrap() error { return e.Err }

// lateError is the cause of a context that a deadline of ours ended.
type lateError struct {
	Limit string // the limit's name
	After time.Duration
	Page  int
}

func (e *lateError) Error() string {
	if e.Page == 0 {
		return fmt.Sprintf("the document took longer than %s", e.After)
	}
	return fmt.Sprintf("page %d took longer than %s", e.Page, e.After)
}

// deadline bounds ctx and makes the bound recognisable as ours.
func deadline(ctx context.Context, limit string, after time.Duration, page int) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, after, &lateError{Limit: limit, After: after, Page: page})
}

// caused gives the reason a context ended in place of the bare context error
// that came out of a call below it.
func caused(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
