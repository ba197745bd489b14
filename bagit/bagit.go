// Package bagit writes and checks BagIt folders (RFC 8493): payload below data/,
// a manifest of checksums over it, and one over the manifests, so that whoever
// holds the folder can tell years later, with any tool that knows the standard
// and without us, that nothing is missing or changed.
//
// A bag grows: files are written one by one and are whole or absent, and what
// lies there with the right checksum is not written again. Only when all is
// there are the manifests written; until then a file in the bag says that it is
// unfinished. Nothing is ever read or written outside the folder, whatever
// names come in.
package bagit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The files of a bag besides its payload.
const (
	declarationFile = "bagit.txt"
	infoFile        = "bag-info.txt"
	manifestFile    = "manifest-sha256.txt"
	tagFile         = "tagmanifest-sha256.txt"
	// UnfinishedFile lies in a bag that is being written, or whose writing was
	// interrupted.
	UnfinishedFile = "export-unfinished.txt"

	payload     = "data"
	declaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
	partSuffix  = ".part" // of a file that is being written
)

// Entry is a line of a manifest.
type Entry struct {
	Hash string // SHA-256 in hex
	Path string // from the bag's folder, with slashes
}

// Writer makes or continues a bag. It is not safe for concurrent use.
type Writer struct {
	root  *os.Root
	known map[string]string // hashes by path, of this run and of the manifest before it
}

// Create makes the folder a bag, or opens the bag that is there to go on with it.
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("bag %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("bag %s: %w", dir, err)
	}
	w := &Writer{root: root, known: map[string]string{}}
	if err := w.begin(); err != nil {
		root.Close()
		return nil, fmt.Errorf("bag %s: %w", dir, err)
	}
	return w, nil
}

func (w *Writer) begin() error {
	_, err := w.root.Stat(declarationFile)
	if errors.Is(err, fs.ErrNotExist) {
		names, err := fs.ReadDir(w.root.FS(), ".")
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("the folder is no bag and not empty (%s, ...): name a new folder", names[0].Name())
		}
	} else if err != nil {
		return err
	}
	if f, err := w.root.Open(manifestFile); err == nil {
		entries, err := ParseManifest(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w: mend or remove it", manifestFile, err)
		}
		for _, e := range entries {
			w.known[e.Path] = e.Hash
		}
	}
	const notice = "This folder is being written, or that was interrupted. Run the same command again to go on.\n"
	if err := w.root.WriteFile(UnfinishedFile, []byte(notice), 0o666); err != nil {
		return err
	}
	return w.root.WriteFile(declarationFile, []byte(declaration), 0o666)
}

// Has reports whether a payload file is there with the right content, which it
// reads. The path is one below data/.
func (w *Writer) Has(file, hash string) bool {
	name, err := payloadPath(file)
	if err != nil {
		return false
	}
	got, _, err := sum(w.root, name)
	if err != nil || got != hash {
		return false
	}
	w.known[name] = got
	return true
}

// Read returns a payload file of at most max bytes.
func (w *Writer) Read(file string, max int64) ([]byte, error) {
	name, err := payloadPath(file)
	if err != nil {
		return nil, err
	}
	f, err := w.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s has more than %d bytes", name, max)
	}
	return b, err
}

// Put writes a payload file: fill may be called again and again, each time for
// all of the content. With a hash given, content of another is refused. The
// file gets its name when it is whole.
func (w *Writer) Put(file, want string, fill func(begin func() (io.Writer, error)) error) (Entry, error) {
	name, err := payloadPath(file)
	if err != nil {
		return Entry{}, err
	}
	if err := w.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return Entry{}, err
	}
	f, err := w.root.Create(name + partSuffix)
	if err != nil {
		return Entry{}, err
	}
	var h hash.Hash
	err = fill(func() (io.Writer, error) {
		h = sha256.New()
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return io.MultiWriter(f, h), f.Truncate(0)
	})
	if err == nil && h == nil {
		err = errors.New("nothing was written")
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return Entry{}, fmt.Errorf("%s: %w", name, err)
	}
	got := hex.EncodeToString(h.Sum(nil))
	if want != "" && got != want {
		return Entry{}, fmt.Errorf("%s: what came has SHA-256 %s, announced was %s: try again", name, got, want)
	}
	if err := w.root.Rename(name+partSuffix, name); err != nil {
		return Entry{}, err
	}
	w.known[name] = got
	return Entry{Hash: got, Path: file}, nil
}

// Keep removes from a folder of the payload what is not listed, such as files
// of an earlier state of what the folder holds.
func (w *Writer) Keep(folder string, files []string) error {
	name, err := payloadPath(folder)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, f := range files {
		keep[path.Join(payload, f)] = true
	}
	return fs.WalkDir(w.root.FS(), name, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || keep[file] {
			return err
		}
		delete(w.known, file)
		return w.root.Remove(file)
	})
}

// Finish lists all of the payload and ends the bag's being unfinished. Info goes
// into bag-info.txt, in this order, besides date, size and count.
func (w *Writer) Finish(now time.Time, info [][2]string) error {
	var entries []Entry
	var bytes int64
	err := fs.WalkDir(w.root.FS(), payload, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(file, partSuffix) {
			return w.root.Remove(file)
		}
		hash, n, err := w.known[file], int64(0), error(nil)
		if hash == "" {
			hash, n, err = sum(w.root, file)
		} else if stat, serr := d.Info(); serr == nil {
			n = stat.Size()
		} else {
			err = serr
		}
		bytes += n
		entries = append(entries, Entry{hash, file})
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = w.root.MkdirAll(payload, 0o777) // a bag of nothing is one
	}
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, line := range info {
		fmt.Fprintf(&text, "%s: %s\n", line[0], strings.Join(strings.Fields(line[1]), " "))
	}
	fmt.Fprintf(&text, "Bagging-Date: %s\nPayload-Oxum: %d.%d\n", now.UTC().Format(time.DateOnly), bytes, len(entries))
	if err := w.replace(infoFile, text.String()); err != nil {
		return err
	}
	if err := w.replace(manifestFile, manifest(entries)); err != nil {
		return err
	}
	var tags []Entry
	for _, name := range []string{infoFile, declarationFile, manifestFile} {
		hash, _, err := sum(w.root, name)
		if err != nil {
			return err
		}
		tags = append(tags, Entry{hash, name})
	}
	if err := w.replace(tagFile, manifest(tags)); err != nil {
		return err
	}
	return w.root.Remove(UnfinishedFile)
}

// replace writes a file so that it is never seen half written.
func (w *Writer) replace(name, content string) error {
	if err := w.root.WriteFile(name+partSuffix, []byte(content), 0o666); err != nil {
		return err
	}
	return w.root.Rename(name+partSuffix, name)
}

// Close lets go of the folder, finished or not.
func (w *Writer) Close() error { return w.root.Close() }

// payloadPath is a path below data/ as one below the bag.
func payloadPath(file string) (string, error) {
	if !fs.ValidPath(file) || file == "." {
		return "", fmt.Errorf("%.200q is no path within a bag", file)
	}
	return path.Join(payload, file), nil
}

// sum reads a file and returns the hash of its content and its length.
func sum(root *os.Root, name string) (string, int64, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return "", 0, err
	} else if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s is no regular file", name)
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// encoder and decoder are for the three characters that a manifest cannot hold.
var (
	encoder = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	decoder = strings.NewReplacer("%25", "%", "%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n")
)

// manifest writes entries in the order of their paths.
func manifest(entries []Entry) string {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.Hash + "  " + encoder.Replace(e.Path) + "\n")
	}
	return b.String()
}

// Limits of a manifest that is read.
const (
	maxLine    = 8 << 10
	maxEntries = 20_000_000
)

// ParseManifest reads a manifest. It refuses paths that lead out of a bag and
// paths listed twice.
func ParseManifest(r io.Reader) ([]Entry, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	var out []Entry
	seen := map[string]bool{}
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" {
			continue
		}
		digest, name, ok := strings.Cut(line, " ")
		name = strings.TrimPrefix(strings.TrimLeft(name, " \t"), "*") // as some sha256sum write it
		name = strings.TrimPrefix(decoder.Replace(name), "./")
		digest = strings.ToLower(digest)
		if raw, err := hex.DecodeString(digest); !ok || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("line %d: want a SHA-256 and a path, got %.100q", n, line)
		}
		if !fs.ValidPath(name) || name == "." {
			return nil, fmt.Errorf("line %d: %.200q is no path within a bag", n, name)
		}
		if seen[name] {
			return nil, fmt.Errorf("line %d: %.200q is listed twice", n, name)
		}
		if len(out) == maxEntries {
			return nil, fmt.Errorf("line %d: more than %d files", n, maxEntries)
		}
		seen[name] = true
		out = append(out, Entry{digest, name})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("a line of more than %d bytes, or unreadable: %w", maxLine, err)
	}
	return out, nil
}

// Report is what a check found.
type Report struct {
	Files    int   // of the payload
	Bytes    int64 // of them
	Problems []string
}

// maxProblems bounds what a report lists.
const maxProblems = 1000

func (r *Report) say(format string, a ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, a...))
	}
}

// Verify reads all of a bag and tells what is missing, changed or not listed.
// An error means that it could not be checked at all.
func Verify(ctx context.Context, dir string) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("bag %s: %w", dir, err)
	}
	defer root.Close()
	var r Report
	text, err := root.ReadFile(declarationFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, fmt.Errorf("bag %s: it has no %s: this is no bag", dir, declarationFile)
	case err != nil:
		return r, fmt.Errorf("bag %s: %w", dir, err)
	case string(text) != declaration:
		r.say("%s says %.100q", declarationFile, text)
	}
	if _, err := root.Stat(UnfinishedFile); err == nil {
		r.say("the bag is unfinished: run the export again, it goes on where it was interrupted")
	}
	if err := verifyManifest(ctx, root, tagFile, &r, nil); err != nil {
		return r, err
	}
	listed := map[string]bool{}
	if err := verifyManifest(ctx, root, manifestFile, &r, listed); err != nil {
		return r, err
	}
	err = fs.WalkDir(root.FS(), payload, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !listed[file] {
			r.say("%s is not listed", file)
		}
		return ctx.Err()
	})
	if err != nil {
		return r, fmt.Errorf("bag %s: %w", dir, err)
	}
	verifyOxum(root, &r)
	return r, nil
}

// verifyManifest checks the files that a manifest lists; those of the payload
// are counted and noted.
func verifyManifest(ctx context.Context, root *os.Root, name string, r *Report, listed map[string]bool) error {
	f, err := root.Open(name)
	if err != nil {
		r.say("%s: %v", name, err)
		return nil
	}
	entries, err := ParseManifest(f)
	f.Close()
	if err != nil {
		r.say("%s: %v", name, err)
		return nil
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, n, err := sum(root, e.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			r.say("%s is missing", e.Path)
		case err != nil:
			r.say("%s cannot be read: %v", e.Path, err)
		case got != e.Hash:
			r.say("%s has changed: SHA-256 %s, listed is %s", e.Path, got, e.Hash)
		}
		if listed != nil {
			listed[e.Path] = true
			r.Files++
			r.Bytes += n
			if !strings.HasPrefix(e.Path, payload+"/") {
				r.say("%s is listed as payload and does not lie in %s", e.Path, payload)
			}
		}
	}
	return nil
}

// verifyOxum holds the count in bag-info.txt against what is there.
func verifyOxum(root *os.Root, r *Report) {
	text, err := root.ReadFile(infoFile)
	if err != nil {
		return // optional; the tag manifest says whether it should be there
	}
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, "Payload-Oxum:")
		if !ok {
			continue
		}
		if want := strconv.FormatInt(r.Bytes, 10) + "." + strconv.Itoa(r.Files); strings.TrimSpace(value) != want {
			r.say("%s says that the payload is %s, it is %s", infoFile, strings.TrimSpace(value), want)
		}
	}
}
