package sources

import (
	"path"
	"slices"
	"strings"
)

// Filter says by patterns which files of a place are documents. Patterns are those of path.Match, without regard to
// case. One without a slash is about the file's name, one with a slash about its path below the location, in which **
// stands for any number of folders; one that ends in a slash is about all below such a folder.
type Filter struct {
	Include []string // taken; none: all but sidecar files
	Exclude []string // left alone, whatever Include says
}

// sidecars are the endings of files that lie beside documents and describe them. Content decides what a file is, but
// these formats are never documents, and each would be told as a failure.
var sidecars = []string{".xml", ".txt", ".md", ".json", ".jsonl", ".csv", ".tsv", ".yaml", ".yml", ".ini", ".log", ".html", ".htm", ".xsl", ".css",
	".md5", ".sha1", ".sha256", ".sha512", ".crc", ".sfv"}

// Leave says why an object of a location is left alone; empty where it is not. A folder is left to its files.
func (f Filter) Leave(location string, o Object) string {
	if o.Folder {
		return ""
	}
	below := strings.ToLower(Below(location, o.Key))
	matched := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return match(strings.ToLower(p), below) })
	}
	switch {
	case matched(f.Exclude):
		return "excluded"
	case len(f.Include) > 0 && !matched(f.Include):
		return "not included"
	case len(f.Include) == 0 && slices.Contains(sidecars, path.Ext(below)):
		return "sidecar"
	}
	return ""
}

// Below gives an object's path below its location: of a bucket's prefix what comes behind its last slash.
func Below(location, key string) string {
	if !strings.HasPrefix(location, bucketScheme) {
		return key
	}
	_, prefix := splitBucket(location)
	return strings.TrimPrefix(key, prefix[:strings.LastIndexByte(prefix, '/')+1])
}

// match tells whether a pattern is about a path.
func match(pattern, below string) bool {
	if !strings.Contains(pattern, "/") {
		ok, err := path.Match(pattern, path.Base(below))
		return ok && err == nil
	}
	if strings.HasSuffix(pattern, "/") {
		pattern += "**"
	}
	parts := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	// Several in a row mean one, and would take exponential time.
	parts = slices.CompactFunc(parts, func(a, b string) bool { return a == "**" && b == "**" })
	return matchParts(parts, strings.Split(below, "/"))
}

// matchParts matches part by part. The rows of the table are the patterns' parts, so the time is their product with the
// path's parts.
func matchParts(pattern, parts []string) bool {
	reached := make([]bool, len(parts)+1) // how many parts the pattern so far may have taken
	reached[0] = true
	for _, p := range pattern {
		next := make([]bool, len(parts)+1)
		for i, ok := range reached {
			switch {
			case !ok:
			case p == "**":
				for k := i; k <= len(parts); k++ {
					next[k] = true
				}
			case i < len(parts):
				if ok, err := path.Match(p, parts[i]); ok && err == nil {
					next[i+1] = true
				}
			}
		}
		reached = next
	}
	return reached[len(parts)]
}
