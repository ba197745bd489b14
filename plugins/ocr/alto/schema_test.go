package alto

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// links stands for the schema of XLink, of which ALTO's needs a group of attributes that this package never writes.
const links = `<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
<xsd:attributeGroup name="simpleLink"><xsd:attribute name="href" type="xsd:anyURI"/></xsd:attributeGroup></xsd:schema>`

// published prepares the schema that the Library of Congress publishes, which `make alto` fetches, and finds the program
// that judges by it.
func published(t *testing.T) (xmllint, schema string) {
	t.Helper()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("no xmllint on this machine (Debian's libxml2-utils)")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache folder: ", err)
	}
	text, err := os.ReadFile(filepath.Join(cache, "palimpsest", "alto", "alto-4-4.xsd"))
	if err != nil {
		t.Skip("the schema of ALTO 4.4 is not on this machine; `make alto` fetches it")
	}
	const elsewhere = `schemaLocation="http://www.loc.gov/standards/xlink/xlink.xsd"`
	here := strings.Replace(string(text), elsewhere, `schemaLocation="xlink.xsd"`, 1)
	if here == string(text) {
		t.Fatalf("the schema does not import %s", elsewhere)
	}
	dir := t.TempDir()
	schema = filepath.Join(dir, "alto.xsd")
	for name, content := range map[string]string{schema: here, filepath.Join(dir, "xlink.xsd"): links} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return xmllint, schema
}

// TestThePublishedSchema has a validator judge what is written by the published schema, and finds wrong what the table of
// this package's own check does.
func TestThePublishedSchema(t *testing.T) {
	t.Parallel()
	xmllint, schema := published(t)
	judge := func(doc []byte) (string, error) {
		cmd := exec.CommandContext(t.Context(), xmllint, "--nonet", "--noout", "--schema", schema, "-")
		cmd.Stdin = strings.NewReader(string(doc))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for i, doc := range written() {
		if out, err := judge(doc); err != nil {
			t.Errorf("document %d: %v: %s in\n%s", i, err, out, doc)
		}
	}
	good := string(Write(sample(), source))
	for _, fault := range faults {
		if strings.Contains(fault[0], "PROCESSINGREFS") {
			continue // xmllint follows no references
		}
		if out, err := judge([]byte(strings.Replace(good, fault[0], fault[1], 1))); err == nil {
			t.Errorf("%q for %q is no fault by the published schema: %s", fault[1], fault[0], out)
		}
	}
}
