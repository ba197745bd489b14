package sources

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// folder is an open folder. Everything below it is reached through an os.Root, which no link and no ".." leads out of,
// also where somebody swaps a folder for a link between two calls.
type folder struct {
	root   *os.Root
	path   string // for people
	settle time.Duration
	now    func() time.Time
}

func (p Places) openFolder(location string) (Place, error) {
	allowed, below, err := p.root(location)
	if err != nil {
		return nil, err
	}
	outer, err := os.OpenRoot(allowed)
	if err != nil {
		return nil, folderError(location, err)
	}
	defer outer.Close()
	root, err := outer.OpenRoot(below)
	if err != nil {
		return nil, folderError(location, err)
	}
	f := &folder{root: root, path: location, settle: p.Settle, now: p.now}
	if f.settle == 0 {
		f.settle = DefaultSettle
	}
	return f, nil
}

func folderError(location string, err error) *Error {
	e := &Error{Kind: BadInput, Message: fmt.Sprintf("folder %.200q cannot be read", location), Err: plainPath(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "is it mounted on the machines that serve and work?"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "let the user that runs palimpsest read it"
	default:
		e.Hint = "it must be a folder, and no link may lead out of the allowed root"
	}
	return e
}

// plainPath takes the operation and path off a file system's error: the path is told already, and with its root.
func plainPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Close closes the folder.
func (f *folder) Close() error { return f.root.Close() }

// List walks the folder.
func (f *folder) List(ctx context.Context, after string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		entries, err := f.entries(".")
		if err != nil {
			var known *Error
			if !errors.As(err, &known) {
				known = folderError(f.path, err)
			}
			yield(Object{}, known)
			return
		}
		f.walk(ctx, "", entries, after, 1, yield)
	}
}

// walk gives what lies in a folder; prefix is its path with a slash at the end. It returns false to stop.
func (f *folder) walk(ctx context.Context, prefix string, entries []fs.DirEntry, after string, depth int, yield func(Object, error) bool) bool {
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			yield(Object{}, err)
			return false
		}
		key := prefix + e.Name()
		if !e.IsDir() {
			if key > after && !yield(f.file(key, e), nil) {
				return false
			}
			continue
		}
		below := key + "/"
		if below <= after && !strings.HasPrefix(after, below) {
			continue // all of it comes before the mark
		}
		o, inside := f.folder(key, e.Name(), depth)
		if o.Skip != "" || o.Err != nil {
			if below > after && !yield(o, nil) {
				return false
			}
			continue
		}
		if !f.walk(ctx, below, inside, after, depth+1, yield) {
			return false
		}
	}
	return true
}

// folder looks into a folder; the object says why it was not.
func (f *folder) folder(key, name string, depth int) (Object, []fs.DirEntry) {
	o := object(key + "/")
	o.Name, o.Folder = name, true
	if o.Skip = leave(name); o.Skip != "" || o.Err != nil {
		return o, nil
	}
	if depth >= MaxDepth {
		o.Err = &Error{Kind: TooLarge, Limit: "folder_depth", Message: fmt.Sprintf("folders lie more than %d deep", MaxDepth),
			Hint: "add the inner folder as a source of its own"}
		return o, nil
	}
	entries, err := f.entries(key)
	if err != nil && !errors.As(err, &o.Err) {
		o.Err = &Error{Kind: Internal, Message: "the folder cannot be listed", Err: plainPath(err)}
		if errors.Is(err, fs.ErrPermission) {
			o.Err.Hint = "let the user that runs palimpsest read it"
		}
	}
	return o, entries
}

// entries reads a folder in the order of keys: a folder sorts as its name with a slash, as all below it does.
func (f *folder) entries(dir string) ([]fs.DirEntry, error) {
	d, err := f.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(MaxFolderEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(entries) > MaxFolderEntries {
		return nil, &Error{Kind: TooLarge, Limit: "folder_entries", Message: fmt.Sprintf("the folder has more than %d entries", MaxFolderEntries),
			Hint: "divide it into several"}
	}
	sortable := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortable(a), sortable(b)) })
	return entries, nil
}

// file describes what is no folder.
func (f *folder) file(key string, e fs.DirEntry) Object {
	o := object(key)
	o.Name = e.Name()
	switch {
	case leave(e.Name()) != "":
		o.Skip = leave(e.Name())
	case e.Type()&fs.ModeSymlink != 0:
		o.Skip = "link"
	case !e.Type().IsRegular():
		o.Skip = "not a regular file"
	}
	if o.Skip != "" || o.Err != nil {
		return o
	}
	info, err := f.root.Lstat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		o.Skip = "gone while the folder was listed"
		return o
	case err != nil:
		o.Err = unreadable(err)
		return o
	case !info.Mode().IsRegular():
		o.Skip = "not a regular file"
		return o
	}
	o.Bytes, o.Modified, o.Version = info.Size(), info.ModTime(), fileVersion(info)
	// A time in the future may be another machine's idea of now.
	if age := f.now().Sub(info.ModTime()).Abs(); age < f.settle {
		o.Skip = "written a moment ago"
	}
	return o
}

func unreadable(err error) *Error {
	e := &Error{Kind: Internal, Message: "the file cannot be read", Err: plainPath(err)}
	if errors.Is(err, fs.ErrPermission) {
		e.Hint = "let the user that runs palimpsest read it"
	}
	return e
}

func fileVersion(info fs.FileInfo) string {
	return strconv.FormatInt(info.Size(), 10) + " " + strconv.FormatInt(info.ModTime().UnixNano(), 10)
}

// Open opens a file. Without O_NONBLOCK a pipe put in the file's place would hold us for ever.
func (f *folder) Open(_ context.Context, o Object) (io.ReadCloser, error) {
	file, err := f.root.OpenFile(o.open, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrChanging
	}
	if err != nil {
		return nil, unreadable(err)
	}
	r := &steady{File: file, version: o.Version}
	if err := r.check(); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

// steady reads a file and sees, before and after, that it is what was listed.
type steady struct {
	*os.File
	version string
}

// Read reads; the end of a file that changed meanwhile is ErrChanging.
func (s *steady) Read(p []byte) (int, error) {
	n, err := s.File.Read(p)
	if errors.Is(err, io.EOF) {
		if changed := s.check(); changed != nil {
			return n, changed
		}
	}
	return n, err
}

// WriteTo keeps io.Copy from going past Read.
func (s *steady) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{s}) }

func (s *steady) check() error {
	info, err := s.Stat()
	if err != nil {
		return unreadable(err)
	}
	if !info.Mode().IsRegular() || fileVersion(info) != s.version {
		return ErrChanging
	}
	return nil
}
