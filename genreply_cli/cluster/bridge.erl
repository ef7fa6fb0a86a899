%% What runs on the BEAM beside the Python program: a process for each Python server that is served
%% here, one for each server elsewhere that Python talks to, and a frame for each message.
%% Distribution, names, monitors, aliases, cookies, groups and TLS are Erlang's own.
%%
%% Python sends one term a frame, the BEAM a list of terms a frame. An `Id` is a number that Python
%% has chosen.
-module(bridge).
-export([start/1]).

-define(TERMS_A_FRAME, 1000).
-define(BYTES_A_FRAME, 1000000).
-define(MILLISECONDS_FOR_A_PID, 5000).
-define(LONG_MAILBOX, {message_queue_data, off_heap}). % it is not copied when garbage is collected

start(Path) ->
    {ok, Socket} = gen_tcp:connect({local, Path}, 0, [binary, {packet, 4}, {active, true}]),
    process_flag(trap_exit, true),
    ok = net_kernel:monitor_nodes(true, [{node_type, all}, nodedown_reason]),
    {ok, _} = pg:start(pg),
    Out = spawn_opt(fun() -> out(Socket) end, [link, ?LONG_MAILBOX]),
    tell(Out, {started, node(), list_to_binary(erlang:system_info(otp_release))}),
    loop(Out, #{}).

%% One process sends, all that it has at once: a process that sends on a socket looks through its
%% whole mailbox for the receipt of each frame.
out(Socket) ->
    receive
        {tell, Term} ->
            Terms = [Term | more(?TERMS_A_FRAME - 1, ?BYTES_A_FRAME - erlang:external_size(Term))],
            ok = gen_tcp:send(Socket, term_to_binary(Terms))
    end,
    out(Socket).

more(Terms, Bytes) when Terms =< 0; Bytes =< 0 ->
    [];
more(Terms, Bytes) ->
    receive
        {tell, Term} -> [Term | more(Terms - 1, Bytes - erlang:external_size(Term))]
    after 0 -> []
    end.

tell(Out, Term) ->
    seq_trace:set_token([]),
    Out ! {tell, Term}.

%% --- the main process: it starts the others, and passes on what Python tells them

%% `Workers` has the process of each Id, and the Id of each process.
loop(Out, Workers) ->
    receive
        {tcp, _, Frame} ->
            loop(Out, do(binary_to_term(Frame), Out, Workers));
        {tcp_closed, _} ->
            halt(0, [{flush, false}]);
        {tcp_error, _, _} ->
            halt(0, [{flush, false}]);
        {nodeup, Node, _} ->
            tell(Out, {nodeup, Node}),
            loop(Out, Workers);
        {nodedown, Node, Info} ->
            tell(Out, {nodedown, Node, proplists:get_value(nodedown_reason, Info)}),
            loop(Out, Workers);
        {'DOWN', _, process, Pid, Reason} ->
            loop(Out, ended(Pid, Reason, Out, Workers));
        {'EXIT', Out, _} ->
            halt(1);
        _ ->
            loop(Out, Workers)
    end.

do({serve, Id, Name}, Out, Workers) ->
    start(Id, fun() -> serve(Out, Id, Name) end, Workers);
do({server, Id, To}, Out, Workers) ->
    start(Id, fun() -> connect(Out, Id, To) end, Workers);
do({to, Id, Command}, _, Workers) ->
    [Pid ! {?MODULE, Command} || {ok, Pid} <- [maps:find(Id, Workers)]],
    Workers;
do({reply, From, Value}, _, Workers) ->
    gen_server:reply(binary_to_term(From), Value),
    Workers;
do({connect, Id, Node}, Out, Workers) -> % it may take seconds
    spawn(fun() -> tell(Out, {told, Id, net_kernel:connect_node(Node)}) end),
    Workers;
do({connect_all, Id, Node}, Out, Workers) -> % with the node, and with those that it knows
    spawn(fun() ->
        Connected = net_kernel:connect_node(Node),
        Others = case Connected of
            true -> erpc:call(Node, erlang, nodes, []);
            _ -> []
        end,
        [net_kernel:connect_node(Other) || Other <- Others, Other =/= node()],
        tell(Out, {told, Id, Connected})
    end),
    Workers;
do({count, Id}, Out, Workers) ->
    tell(Out, {told, Id, erlang:system_info(process_count)}),
    Workers;
do({time_calls, Id, To, Request, Callers, Each}, Out, Workers) ->
    spawn(fun() -> tell(Out, {told, Id, time_calls(To, Request, Callers, Each)}) end),
    Workers;
do({members, Id, Group}, Out, Workers) ->
    tell(Out, {told, Id, pg:get_members(pg, Group)}),
    Workers.

start(Id, Function, Workers) ->
    {Pid, _} = spawn_opt(Function, [monitor, ?LONG_MAILBOX]),
    Workers#{Id => Pid, Pid => Id}.

ended(Pid, Reason, Out, Workers) ->
    {Id, Rest} = maps:take(Pid, Workers),
    tell(Out, {ended, Id, pack(Reason)}),
    maps:remove(Id, Rest).

%% --- a Python server, here: it passes on what it is sent, and ends when the server does

serve(Out, Id, Name) ->
    process_flag(trap_exit, true),
    try register(Name, self()) of
        true ->
            tell(Out, {told, Id, true}),
            pass_on(Out, Id)
    catch
        error:badarg -> exit({already_started, whereis(Name)})
    end.

pass_on(Out, Id) ->
    receive
        {?MODULE, {exit, Reason}} ->
            exit(Reason);
        {?MODULE, {join, Group}} ->
            pg:join(pg, Group, self());
        {'$gen_call', {Pid, _} = From, Request} when is_pid(Pid) ->
            tell(Out, {call, Id, node(Pid), pack(From), pack(Request), label()});
        {'$gen_cast', Request} ->
            tell(Out, {cast, Id, pack(Request)});
        {system, {Pid, _} = From, {terminate, Reason}} when is_pid(Pid) ->
            gen_server:reply(From, ok),
            tell(Out, {stop, Id, pack(Reason)});
        {system, {Pid, _} = From, Request} when is_pid(Pid) ->
            gen_server:reply(From, {error, {python_does_not_know, Request}});
        {'EXIT', _, Reason} ->
            tell(Out, {exit, Id, pack(Reason)});
        Message ->
            tell(Out, {info, Id, pack(Message)})
    end,
    seq_trace:set_token([]),
    pass_on(Out, Id).

label() ->
    case seq_trace:get_token(label) of
        {label, {Node, Call} = Label} when is_atom(Node), is_integer(Call) -> Label;
        _ -> none
    end.

%% What comes from other nodes is sent in a binary of its own. Python reads it by itself, so a term
%% that Python cannot read, as one that is nested too deeply for it, is the matter of one message.
pack(Term) ->
    term_to_binary(Term).

%% --- a server elsewhere: Python's messages go to it in their order, and its end is told

connect(Out, Id, To) ->
    Node = case To of {_, There} -> There; Pid -> node(Pid) end,
    process_flag(trap_exit, true),
    case net_kernel:connect_node(Node) of
        true ->
            Monitor = monitor(process, To),
            talk(Out, Id, To, Monitor, #{});
        _ ->
            exit({nodedown, Node})
    end.

%% Calls are made as gen_server:call makes them: with an alias, to which the reply is sent, and which
%% ends with the monitor, so that a late reply is dropped. `Calls` has the reference of each call, and
%% the call of each reference.
talk(Out, Id, To, Monitor, Calls) ->
    receive
        {?MODULE, {call, Call, Request}} ->
            Ref = monitor(process, To, [{alias, reply_demonitor}]),
            seq_trace:set_token(label, {node(), Call}),
            send(To, {'$gen_call', {self(), [alias | Ref]}, Request}),
            seq_trace:set_token([]),
            talk(Out, Id, To, Monitor, Calls#{Call => Ref, Ref => Call});
        {[alias | Ref], Value} when is_map_key(Ref, Calls) ->
            {Call, Rest} = maps:take(Ref, Calls),
            tell(Out, {answer, Id, Call, pack(Value)}),
            talk(Out, Id, To, Monitor, maps:remove(Call, Rest));
        {'DOWN', Monitor, _, _, Reason} ->
            exit(Reason);
        {'DOWN', Ref, _, _, Reason} when is_map_key(Ref, Calls) ->
            {Call, Rest} = maps:take(Ref, Calls),
            tell(Out, {failed, Id, Call, pack(Reason)}),
            talk(Out, Id, To, Monitor, maps:remove(Call, Rest));
        {?MODULE, {cancel, Call}} when is_map_key(Call, Calls) ->
            {Ref, Rest} = maps:take(Call, Calls),
            demonitor(Ref, [flush]),
            talk(Out, Id, To, Monitor, maps:remove(Ref, Rest));
        {?MODULE, {cast, Request}} ->
            gen_server:cast(To, Request);
        {?MODULE, {send, Message}} ->
            send(To, Message);
        {?MODULE, {signal, Reason}} ->
            [exit(Pid, Reason) || Pid <- pid(To)];
        {?MODULE, link} -> % its end comes as a 'DOWN' as well
            [link(Pid) || Pid <- pid(To)];
        {?MODULE, unlink} ->
            [unlink(Pid) || Pid <- pid(To)];
        {?MODULE, {stop, Reason}} ->
            send(To, {system, {self(), make_ref()}, {terminate, Reason}});
        _ ->
            seq_trace:set_token([])
    end,
    talk(Out, Id, To, Monitor, Calls).

send(To, Message) ->
    catch erlang:send(To, Message).

%% The microseconds that so many callers need, each of which makes so many calls, without Python.
time_calls(To, Request, Callers, Each) ->
    Calls = fun() -> [gen_server:call(To, Request) || _ <- lists:seq(1, Each)] end,
    Began = erlang:monotonic_time(microsecond),
    Started = [spawn_monitor(Calls) || _ <- lists:seq(1, Callers)],
    Ends = [receive {'DOWN', Monitor, _, _, Reason} -> Reason end || {_, Monitor} <- Started],
    case lists:usort(Ends) of
        [normal] -> erlang:monotonic_time(microsecond) - Began;
        _ -> failed
    end.

%% Links and exit signals need a pid, and its node knows which one has the name. It is asked once.
pid(Pid) when is_pid(Pid) ->
    [Pid];
pid({Name, Node} = To) ->
    case get(To) of
        undefined ->
            try erpc:call(Node, erlang, whereis, [Name], ?MILLISECONDS_FOR_A_PID) of
                undefined -> [];
                Pid -> put(To, Pid), [Pid]
            catch
                _:_ -> []
            end;
        Pid ->
            [Pid]
    end.
