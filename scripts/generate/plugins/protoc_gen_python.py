"""A protoc plugin with the generators of grpcio-tools: messages, their types and gRPC stubs, for Python.

buf runs plugins, but these generators are part of the protoc in grpcio-tools. The plugin adds a py.typed, which tells type
checkers that the package has types.

It removes the options for other languages, so that the descriptors equal the contract's.
"""

import sys
import tempfile
from pathlib import Path, PurePosixPath

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

OTHER_LANGUAGES = ("csharp_", "go_", "java_", "objc_", "php_", "ruby_", "swift_")


def main() -> None:
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    for file in request.proto_file:
        leave_out_other_languages(file)
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder, "out")
        out.mkdir()
        arguments = [f"--descriptor_set_in={descriptors}"]
        arguments += [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
        status = protoc.main(["protoc", *arguments, *request.file_to_generate])
        if status != 0:
            sys.exit(status)
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text("utf-8"))
    for package in sorted({PurePosixPath(name).parent for name in request.file_to_generate}):
        response.file.add(name=str(package / "py.typed"), content="")
    sys.stdout.buffer.write(response.SerializeToString())


def leave_out_other_languages(file: FileDescriptorProto) -> None:
    for option, _ in file.options.ListFields():
        if option.name.startswith(OTHER_LANGUAGES):
            file.options.ClearField(option.name)
    if not file.options.ListFields():
        file.ClearField("options")


main()
