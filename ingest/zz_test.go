package ingest
import ("testing";"os";"palimpsest.dev/render";"path/filepath")
func TestZZ(t *testing.T){
 f:=filepath.Join(t.TempDir(),"a.png"); os.WriteFile(f,mixedPage(t),0o644)
 d,err:=OpenFile(t.Context(),f,render.Options{InProcess:true}); if err!=nil {t.Fatal(err)}
 pg,err:=d.Page(t.Context(),1); if err!=nil {t.Fatal(err)}
 t.Log(pg.Blank,pg.Ink,len(pg.Lines),pg.Rotation,pg.Skew,pg.Image.Rect)
}
