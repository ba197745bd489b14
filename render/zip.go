package render

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// zipReader reads the pages of an archive's members in the archive's order.
// Members are unpacked into memory, one at a time, and never onto a disk: their
// names are shown, not used.
type zipReader struct {
	m     *machine
	depth int
	sum   *archive    // while it is being opened
	files []*zip.File // members with pages
	pages []zipPage
	open  reader // of member cur
	cur   int
}

// zipPage is a page of a member, or the error that stands for the member.
type zipPage struct {
	file, page int
	err        error
}

// archive is what archives within archives hold together, so that nesting them
// multiplies nothing.
type archive struct {
	depth int // of the archive now being opened
	files int
	bytes int64
}

// openZip counts the pages of every member. A member that cannot be read
// becomes one page with its error, so that it is recorded and costs no other.
func openZip(m *machine, b blob, sum *archive) (reader, []Note, error) {
	l := m.limits
	sum.depth++
	defer func() { sum.depth-- }()
	if sum.depth > l.ArchiveDepth {
		return nil, nil, over("open", "archive_depth", int64(sum.depth), int64(l.ArchiveDepth), "unpack the inner archive")
	}
	zr, err := zip.NewReader(b, b.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, nil, bad("open", fmt.Errorf("zip: %w", err), "the archive is damaged: pack or send it again")
	}
	if sum.files += len(zr.File); sum.files > l.ArchiveFiles {
		return nil, nil, over("open", "archive_files", int64(sum.files), int64(l.ArchiveFiles), "split the archive")
	}
	if err := officeFile(zr.File); err != nil {
		return nil, nil, err
	}
	z := &zipReader{m: m, depth: sum.depth, sum: sum, cur: -1}
	var notes []Note
	for _, f := range zr.File {
		if skipMember(f.Name) {
			continue
		}
		if sum.bytes += int64(min(f.UncompressedSize64, 1<<60)); sum.bytes > l.ArchiveBytes || sum.bytes < 0 {
			return nil, nil, over("open", "archive_bytes", max(sum.bytes, l.ArchiveBytes+1), l.ArchiveBytes, "split the archive")
		}
		more, err := z.add(f)
		notes = append(notes, more...)
		if err != nil {
			return nil, nil, err
		}
	}
	if len(z.pages) == 0 {
		return nil, nil, bad("open", errors.New("zip: there is no document in the archive"), "pack PDF, TIFF, PNG, JPEG, WebP or GIF files")
	}
	z.sum = nil
	return z, notes, nil
}

// add counts one member's pages; the error it returns ends the archive.
func (z *zipReader) add(f *zip.File) ([]Note, error) {
	name := clip(f.Name, MaxNoteBytes/2)
	r, inf, err := z.member(f)
	var e *Error
	switch {
	case err == nil:
		r.close()
	case needsEngine(err):
		return nil, err
	case errors.As(err, &e) && (e.Limit == "archive_files" || e.Limit == "archive_bytes"):
		return nil, e // of all archives together
	case errors.As(err, &e) && e.Op == "sniff" && e.Kind == Unsupported:
		return []Note{{Kind: "member", Text: name + ": left out: " + e.Err.Error()}}, nil
	default:
		inf.Pages = 1
	}
	if n := len(z.pages) + inf.Pages; n > z.m.limits.Pages {
		return nil, over("open", "pages", int64(n), int64(z.m.limits.Pages), "split the archive")
	}
	z.files = append(z.files, f)
	for i := range inf.Pages {
		z.pages = append(z.pages, zipPage{file: len(z.files) - 1, page: i, err: err})
	}
	for i := range inf.Notes {
		inf.Notes[i].Text = name + ": " + inf.Notes[i].Text
	}
	return inf.Notes, nil
}

// member unpacks and opens a member.
func (z *zipReader) member(f *zip.File) (reader, info, error) {
	data, err := z.unpack(f)
	if err != nil {
		return nil, info{}, err
	}
	sum := z.sum
	if sum == nil { // opened once more, to draw: it was within the limits then
		sum = &archive{depth: z.depth}
	}
	return z.m.open(blob{bytes.NewReader(data), int64(len(data))}, sum)
}

// unpack reads a member whole, whatever size its header claims.
func (z *zipReader) unpack(f *zip.File) ([]byte, error) {
	l := z.m.limits
	if f.Flags&1 != 0 {
		return nil, unsupported("open", errors.New("zip: the member is encrypted"), "pack it without a password")
	}
	if n := int64(min(f.UncompressedSize64, 1<<60)); n > l.MemberBytes {
		return nil, over("open", "member_bytes", n, l.MemberBytes, "send the file by itself")
	}
	limit := l.MemberBytes
	if packed := int64(min(f.CompressedSize64, 1<<40)); packed < limit/l.ArchiveRatio {
		limit = max(packed*l.ArchiveRatio, MinRatioBytes)
	}
	r, err := f.Open()
	if err != nil {
		if errors.Is(err, zip.ErrAlgorithm) {
			return nil, unsupported("open", fmt.Errorf("zip: %w", err), "pack it with the deflate method")
		}
		return nil, bad("open", fmt.Errorf("zip: %w", err), "the archive is damaged: pack or send it again")
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, bad("open", fmt.Errorf("zip: %w", err), "the archive is damaged: pack or send it again")
	}
	if int64(len(data)) > limit {
		if limit < l.MemberBytes {
			return nil, over("open", "archive_ratio", int64(len(data))/max(int64(f.CompressedSize64), 1), l.ArchiveRatio, "this looks like a decompression bomb")
		}
		return nil, over("open", "member_bytes", int64(len(data)), l.MemberBytes, "send the file by itself")
	}
	return data, nil
}

func (z *zipReader) count() int { return len(z.pages) }

func (z *zipReader) close() {
	if z.open != nil {
		z.open.close()
		z.open = nil
	}
	z.cur = -1
}

func (z *zipReader) render(n int) (*raw, error) {
	p := z.pages[n]
	if p.err != nil {
		return nil, p.err
	}
	if z.cur != p.file {
		z.close()
		r, _, err := z.member(z.files[p.file])
		if err != nil {
			return nil, err
		}
		z.open, z.cur = r, p.file
	}
	img, err := z.open.render(p.page)
	if err != nil {
		return nil, err
	}
	name := clip(z.files[p.file].Name, MaxNoteBytes)
	if img.member != "" {
		name += "/" + img.member
	}
	img.member = name
	return img, nil
}

// skipMember leaves out folders and what file managers strew about.
func skipMember(name string) bool {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	return strings.HasSuffix(name, "/") || strings.HasPrefix(name, "__MACOSX/") || strings.HasPrefix(base, "._") ||
		base == ".DS_Store" || strings.EqualFold(base, "Thumbs.db") || strings.EqualFold(base, "desktop.ini")
}

// officeFile recognises documents that are zip files inside.
func officeFile(files []*zip.File) error {
	for _, f := range files {
		switch f.Name {
		case "[Content_Types].xml", "META-INF/manifest.xml":
			return unsupported("sniff", errors.New("the file is an Office document"), hintOffice)
		case "META-INF/container.xml":
			return unsupported("sniff", errors.New("the file is an EPUB book"), hintOffice)
		case "META-INF/MANIFEST.MF":
			return unsupported("sniff", errors.New("the file is a Java archive"), "send documents")
		}
	}
	return nil
}
