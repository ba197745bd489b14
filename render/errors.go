package render

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind says what a caller can do about an error; the list is closed.
type Kind string

// The kinds of errors.
const (
	BadInput    Kind = "bad_input"   // the file is broken, encrypted or not what it says: retrying is useless
	TooLarge    Kind = "too_large"   // a limit of limits.go was met
	Unsupported Kind = "unsupported" // sound perhaps, but not a format read here
	Internal    Kind = "internal"    // this program or machine failed: retrying may help
)

// Error says what failed, where, at which limit, and what to do.
type Error struct {
	Kind  Kind
	Op    string // sniff open page decode render ...
	File  string
	Page  int    // 1-based, 0 when it concerns the whole file
	Limit string // name of the limit that was met, if any
	Value int64  // what was found
	Max   int64  // what is allowed
	Hint  string // what to do
	Err   error  // cause, may be nil
}

// Error writes one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("render: ")
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	if e.Page > 0 {
		fmt.Fprintf(&b, "page %d: ", e.Page)
	}
	b.WriteString(e.Op + ": " + strings.ReplaceAll(string(e.Kind), "_", " "))
	if e.Limit != "" {
		if e.Value > e.Max {
			fmt.Fprintf(&b, ": %s %s is over the limit of %s", e.Limit, amount(e.Limit, e.Value), amount(e.Limit, e.Max))
		} else {
			fmt.Fprintf(&b, ": %s has reached its limit of %s", e.Limit, amount(e.Limit, e.Max))
		}
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// amount writes a value of a limit with its unit, which the limit's name ends in.
func amount(limit string, v int64) string {
	const mib = 1 << 20
	switch {
	case strings.HasSuffix(limit, "_time"):
		return fmt.Sprintf("%d s", v)
	case strings.HasSuffix(limit, "_bytes") && v >= mib && v%mib == 0:
		return fmt.Sprintf("%d MiB", v/mib)
	case strings.HasSuffix(limit, "_bytes"):
		return fmt.Sprintf("%d bytes", v)
	}
	return fmt.Sprint(v)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// over reports a limit that was met.
func over(op, limit string, value, max int64, hint string) *Error {
	return &Error{Kind: TooLarge, Op: op, Limit: limit, Value: value, Max: max, Hint: hint}
}

// bad reports broken input.
func bad(op string, err error, hint string) *Error {
	return &Error{Kind: BadInput, Op: op, Err: err, Hint: hint}
}

// unsupported reports input of a kind that is not read here.
func unsupported(op string, err error, hint string) *Error {
	return &Error{Kind: Unsupported, Op: op, Err: err, Hint: hint}
}

// internal reports a failure that is not the input's fault.
func internal(op string, err error, hint string) *Error {
	return &Error{Kind: Internal, Op: op, Err: err, Hint: hint}
}

// named fills in file and page, and makes an *Error of anything else but the
// context's own errors.
func named(err error, file string, page int) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var e *Error
	if !errors.As(err, &e) {
		e = internal("render", err, "")
	}
	c := *e
	if c.File == "" {
		c.File = file
	}
	if c.Page == 0 {
		c.Page = page
	}
	return &c
}
