package host

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"palimpsest.dev/task"
)

// proxy is a task whose process may come and go.
type proxy struct {
	program *program
	info    task.Info
}

// finishingProxy is a proxy of a task that is a Finisher.
type finishingProxy struct{ proxy }

var (
	_ task.Task     = proxy{}
	_ task.Finisher = finishingProxy{}
)

// Info implements task.Task.
func (x proxy) Info() task.Info { return x.info }

// Plan implements task.Task. Options that the task does not declare are
// refused here, and a plan outside the task's own bounds is nonsense.
func (x proxy) Plan(ctx context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	var asks []task.Ask
	err := x.info.CheckOptions(page.Options)
	if err == nil {
		err = x.program.call(ctx, keyOf(page), func(ctx context.Context, t task.Task) (err error) {
			asks, err = t.Plan(ctx, page, how)
			return nonsense(err, func() error { return x.info.CheckAsks(page, asks) })
		})
	}
	if err != nil {
		return nil, x.error("plan", page.Document, page.Number, err)
	}
	return asks, nil
}

// Read implements task.Task.
func (x proxy) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	var r task.Reading
	err := x.program.call(ctx, keyOf(page), func(ctx context.Context, t task.Task) (err error) {
		r, err = t.Read(ctx, page, answers)
		// Which round this is only the caller knows; a task of one round is
		// held to it here.
		return nonsense(err, func() error { return x.info.CheckReading(page, 1, r) })
	})
	if err != nil {
		return task.Reading{}, x.error("read", page.Document, page.Number, err)
	}
	return r, nil
}

// Finish implements task.Finisher.
func (x finishingProxy) Finish(ctx context.Context, doc task.Document) (task.Reading, error) {
	var r task.Reading
	err := x.program.call(ctx, keyOfText("document", doc.ID), func(ctx context.Context, t task.Task) (err error) {
		f, ok := t.(task.Finisher)
		if !ok {
			return fmt.Errorf("%w: it no longer finishes documents", ErrNonsense)
		}
		r, err = f.Finish(ctx, doc)
		return nonsense(err, func() error { return x.info.CheckDocumentReading(r) })
	})
	if err != nil {
		return task.Reading{}, x.error("finish", doc.ID, 0, err)
	}
	return r, nil
}

// nonsense runs the check on a reply that came, and marks what it finds.
func nonsense(err error, check func() error) error {
	if err != nil {
		return err
	}
	if err := check(); err != nil {
		return fmt.Errorf("%w: %w", ErrNonsense, err)
	}
	return nil
}

func (x proxy) error(op, document string, page int, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &Error{Task: x.info.Name, Op: op, Document: document, Page: page, Err: err}
}

var seed = maphash.MakeSeed()

// keyOf names a page by what the plugin sees of it, so that pages of two
// documents of one name are not taken for one another.
func keyOf(p task.Page) key {
	var h maphash.Hash
	h.SetSeed(seed)
	fmt.Fprintf(&h, "%q %d %d %d %d %g ", p.Document, p.Number, p.Width, p.Height, p.Rotation, p.DPI)
	for _, w := range p.Text {
		h.WriteString(w.Text)
		maphash.WriteComparable(&h, w.Box)
	}
	for _, l := range p.Lines {
		maphash.WriteComparable(&h, l)
	}
	return key(h.Sum64())
}

func keyOfText(parts ...string) key {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, p := range parts {
		fmt.Fprintf(&h, "%q ", p)
	}
	return key(h.Sum64())
}
