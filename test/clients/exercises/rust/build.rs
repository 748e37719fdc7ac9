//! Generates the stubs from the contract's descriptors, which buf has built.
use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let descriptors = std::env::var("ROLLCALL_DESCRIPTORS")?;
    println!("cargo::rerun-if-changed={descriptors}");
    println!("cargo::rerun-if-env-changed=ROLLCALL_DESCRIPTORS");
    let files = prost_types::FileDescriptorSet::decode(std::fs::read(descriptors)?.as_slice())?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(files)?;
    Ok(())
}
