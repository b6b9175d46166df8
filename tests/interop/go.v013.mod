module anytlsd/tests/interop

go 1.25.5

require (
	github.com/anytls/sing-anytls v0.0.13
	github.com/sagernet/sing v0.6.1
)

require golang.org/x/sys v0.30.0 // indirect
